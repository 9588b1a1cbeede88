/**
 * Shifts between two pictures by phase correlation (Kuglin and Hines 1975): the product of their
 * spectra, brought to about unit size, is the spectrum of a peak at the shift.
 */
import { type ComplexImage, transform } from "./fft.ts";
import type { Grey } from "./flatten.ts";

export interface Shift {
  /** How far the content has moved, in pixels: right and down are positive. */
  readonly x: number;
  readonly y: number;
  /** Height of the peak by the root mean square of the correlation. */
  readonly strength: number;
}

/** Share of each side over which the picture fades out, so that its borders are no edges. */
const fadeShare = 0.15;
/** Frequencies above about this (radians per pixel) count less and less: they are mostly noise. */
const frequencyScale = 1.2;
/** Peaks nearer to a stronger one than this are part of it. */
const peakDistance = 3;

/** The likeliest shifts of `now` against `was`, strongest first. Both have the same size. */
export function shiftsBetween(
  was: Grey,
  now: Grey,
  options: { readonly count: number; readonly shiftShareMax: number },
): readonly Shift[] {
  const image = packed(was, now);
  transform(image, "forward");
  const cross = crossPower(image);
  transform(cross, "inverse");
  const reach = {
    x: Math.floor(was.width * options.shiftShareMax),
    y: Math.floor(was.height * options.shiftShareMax),
  };
  return peaksOf(cross, reach, options.count);
}

/** Two real pictures as real and imaginary part, so that one transform does for both. */
function packed(was: Grey, now: Grey): ComplexImage {
  const [width, height] = [powerOfTwo(was.width), powerOfTwo(was.height)];
  const re = new Float64Array(width * height);
  const im = new Float64Array(width * height);
  const across = fade(was.width);
  const down = fade(was.height);
  for (let y = 0; y < was.height; y++) {
    for (let x = 0; x < was.width; x++) {
      const weight = (across[x] ?? 0) * (down[y] ?? 0);
      const value = now.values[y * was.width + x] ?? 0;
      re[y * width + x] = weight * (was.values[y * was.width + x] ?? 0);
      im[y * width + x] = Number.isNaN(value) ? 0 : weight * value;
    }
  }
  return { width, height, re, im };
}

/** Tukey's window. */
function fade(length: number): Float64Array {
  const ramp = Math.max(1, fadeShare * length);
  return Float64Array.from({ length }, (_, i) => {
    const inside = Math.min(i + 0.5, length - i - 0.5) / ramp;
    return inside >= 1 ? 1 : 0.5 - 0.5 * Math.cos(Math.PI * inside);
  });
}

/** conj(was) * now for each frequency, divided by its size, high frequencies weighed down. */
function crossPower({ width, height, re, im }: ComplexImage): ComplexImage {
  const outRe = new Float64Array(width * height);
  const outIm = new Float64Array(width * height);
  let total = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const j = ((height - y) % height) * width + ((width - x) % width);
      const [zr, zi, mr, mi] = [re[i] ?? 0, im[i] ?? 0, re[j] ?? 0, -(im[j] ?? 0)];
      const [wasRe, wasIm] = [(zr + mr) / 2, (zi + mi) / 2];
      const [nowRe, nowIm] = [(zi - mi) / 2, (mr - zr) / 2];
      outRe[i] = nowRe * wasRe + nowIm * wasIm;
      outIm[i] = nowIm * wasRe - nowRe * wasIm;
      total += Math.hypot(outRe[i] ?? 0, outIm[i] ?? 0);
    }
  }
  const floor = (0.1 * total) / (width * height); // empty frequencies are noise, not phase
  for (let y = 0; y < height; y++) {
    const v = frequency(y, height);
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const u = frequency(x, width);
      const weight = Math.exp(-(u * u + v * v) / (2 * frequencyScale * frequencyScale));
      const size = Math.hypot(outRe[i] ?? 0, outIm[i] ?? 0) + floor + 1e-12;
      outRe[i] = ((outRe[i] ?? 0) * weight) / size;
      outIm[i] = ((outIm[i] ?? 0) * weight) / size;
    }
  }
  return { width, height, re: outRe, im: outIm };
}

function frequency(k: number, size: number): number {
  return (2 * Math.PI * (k <= size / 2 ? k : k - size)) / size;
}

function peaksOf(
  { width, height, re }: ComplexImage,
  reach: { readonly x: number; readonly y: number },
  count: number,
): readonly Shift[] {
  const rms = Math.sqrt(re.reduce((sum, value) => sum + value * value, 0) / re.length) || 1;
  const at = (x: number, y: number) =>
    re[((y + height) % height) * width + ((x + width) % width)] ?? 0;
  const found: Shift[] = [];
  const maxima: Shift[] = [];
  for (let y = -reach.y; y <= reach.y; y++) {
    for (let x = -reach.x; x <= reach.x; x++) {
      const here = at(x, y);
      if (here < 2 * rms || here < at(x - 1, y) || here < at(x + 1, y)) continue;
      if (here >= at(x, y - 1) && here >= at(x, y + 1)) maxima.push({ x, y, strength: here / rms });
    }
  }
  maxima.sort((p, q) => q.strength - p.strength);
  for (const peak of maxima) {
    if (found.length === count) break;
    const near = found.some((other) => Math.hypot(other.x - peak.x, other.y - peak.y) < peakDistance); // biome-ignore format: one thought
    if (near) continue;
    const { x, y, strength } = peak;
    found.push({
      x: x + vertex(at(x - 1, y), at(x, y), at(x + 1, y)),
      y: y + vertex(at(x, y - 1), at(x, y), at(x, y + 1)),
      strength,
    });
  }
  return found;
}

/** Where a parabola through three neighbours has its top, -0.5 to 0.5. */
function vertex(before: number, here: number, after: number): number {
  const bend = before - 2 * here + after;
  return bend >= 0 ? 0 : Math.min(0.5, Math.max(-0.5, (before - after) / (2 * bend)));
}

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(atLeast));
}
