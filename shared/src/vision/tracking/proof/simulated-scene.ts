/**
 * Objects on belts with a known truth, and what a detector that errs would say about them. For tests
 * and measurements: tracks and counts are compared with what really passed. Pure but for `random`.
 */
import type { Detection } from "../../../messages/telemetry.ts";
import { type Box, clamp01 } from "../../fit.ts";
import { suppress } from "../../nms.ts";
import type { Point } from "../geometry.ts";
import type { FrameMoment } from "../track.ts";

/** One object on its way along a belt. */
export interface Thing {
  readonly label: SceneLabel;
  readonly width: number;
  readonly height: number;
  readonly belt: Belt;
  /** Where on the belt it lies: it passes the belt's start when the belt has moved this far. */
  readonly offset: number;
  /** Its own distance from the belt's middle line. */
  readonly aside: number;
}

/** A straight way through the picture and how far it has moved by a time. */
export interface Belt {
  readonly from: Point;
  readonly to: Point;
  /** Stretches of constant speed, in order. */
  readonly stretches: readonly Stretch[];
}

export interface Stretch {
  readonly fromMs: number;
  /** Picture fractions a second. */
  readonly speed: number;
  /** How far the belt has moved at `fromMs`. */
  readonly moved: number;
}

export interface Scene {
  readonly name: string;
  readonly things: readonly Thing[];
  readonly untilMs: number;
}

/** How the detector errs. */
export interface Errors {
  readonly frameMs: number;
  readonly droppedShare: number;
  /** Standard deviation of place and of size, in parts of the size. */
  readonly noise: number;
  readonly missedShare: number;
  /** False detections for each true one. */
  readonly falseShare: number;
  /** Objects that are found a second time as another class. */
  readonly doubleShare: number;
  /** Objects that are found with a low score. */
  readonly unsureShare: number;
  /** Confidences are drawn evenly from here to 1 and are calibrated; 0.7 confuses 15 %. */
  readonly confidenceMin: number;
}

export const usualErrors: Errors = {
  frameMs: 200,
  droppedShare: 0.1,
  noise: 0.03,
  missedShare: 0.05,
  falseShare: 0.02,
  doubleShare: 0.03,
  unsureShare: 0.05,
  confidenceMin: 0.7,
};

export const sceneLabels = ["brown", "cracked", "dirty", "white"] as const;
export type SceneLabel = (typeof sceneLabels)[number];

export interface FilmedFrame {
  readonly frame: FrameMoment;
  readonly detections: readonly Detection[];
  /** Which object each detection shows, as an index into the scene's things; `null` for none. */
  readonly shows: readonly (number | null)[];
}

/** A number from 0 to 1 that a seed determines (Marsaglia 2003, xorshift, over 32 bits). */
export function seeded(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export function beltMovedAt({ stretches }: Belt, atMs: number): number {
  const stretch = stretches.findLast(({ fromMs }) => fromMs <= atMs);
  if (stretch === undefined) return 0;
  return stretch.moved + (stretch.speed * (atMs - stretch.fromMs)) / 1000;
}

/** Centre of a thing, which may lie outside the picture. */
export function placeAt(thing: Thing, atMs: number): Point {
  return placeOn(thing, beltMovedAt(thing.belt, atMs));
}

function placeOn(thing: Thing, moved: number): Point {
  const { from, to } = thing.belt;
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const [ux, uy] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
  const along = moved - thing.offset;
  return [from[0] + ux * along - uy * thing.aside, from[1] + uy * along + ux * thing.aside];
}

/** What the detector says, frame by frame; dropped frames are left out. */
export function* film(scene: Scene, errors: Errors, random: () => number): Generator<FilmedFrame> {
  const belts = [...new Set(scene.things.map(({ belt }) => belt))];
  for (let atMs = 0, n = 0; atMs < scene.untilMs; n++) {
    const detector = new SimulatedDetector(errors, random);
    const moved = new Map(belts.map((belt) => [belt, beltMovedAt(belt, atMs)]));
    for (const [i, thing] of scene.things.entries()) {
      detector.look(thing, i, placeOn(thing, moved.get(thing.belt) ?? 0));
    }
    if (random() >= errors.droppedShare) {
      yield { frame: { id: `frame-${n}`, atMs: Math.round(atMs) }, ...detector.say() };
    }
    atMs += errors.frameMs * (0.95 + 0.1 * random());
  }
}

interface Proposal {
  readonly classIndex: number;
  readonly score: number;
  readonly box: Box;
  readonly shows: number | null;
}

/** Collects one frame's proposals. */
class SimulatedDetector {
  readonly #errors: Errors;
  readonly #random: () => number;
  readonly #proposals: Proposal[] = [];

  constructor(errors: Errors, random: () => number) {
    this.#errors = errors;
    this.#random = random;
  }

  /** Proposes what it sees of a thing; a sliver at the picture's edge is not seen. */
  look(thing: Thing, index: number, [x, y]: Point): void {
    const [w, h] = [thing.width, thing.height];
    if (x < -w || x > 1 + w || y < -h || y > 1 + h) return;
    const visible =
      ((clamp01(x + w / 2) - clamp01(x - w / 2)) * (clamp01(y + h / 2) - clamp01(y - h / 2))) /
      (w * h);
    const { missedShare, falseShare, doubleShare } = this.#errors;
    if (visible < 0.25) return;
    if (this.#random() < falseShare) this.#imagine();
    if (this.#random() < missedShare) return;
    const truth = sceneLabels.indexOf(thing.label);
    const seen = this.#opinion(truth, visible);
    this.#proposals.push({ ...seen, box: this.#box(x, y, w, h), shows: index });
    if (this.#random() >= doubleShare) return;
    const other = { classIndex: this.#otherThan(seen.classIndex), score: seen.score * 0.7 };
    this.#proposals.push({ ...other, box: this.#box(x, y, w, h), shows: index });
  }

  /** What is left after the suppression that real detections go through. */
  say(): Pick<FilmedFrame, "detections" | "shows"> {
    const kept = suppress(this.#proposals, 0.45, 300) as Proposal[]; // it returns what it was given
    return {
      detections: kept.map(({ classIndex, score, box: [x1, y1, x2, y2] }) => ({
        label: sceneLabels[classIndex] ?? "none",
        score,
        box: [x1, y1, x2, y2],
      })),
      shows: kept.map(({ shows }) => shows),
    };
  }

  #imagine(): void {
    const r = this.#random;
    const [x, y, w, h] = [r(), r(), 0.05 + 0.1 * r(), 0.05 + 0.1 * r()];
    const classIndex = Math.floor(r() * sceneLabels.length);
    this.#proposals.push({ classIndex, score: 0.3 + 0.6 * r(), box: cut(x, y, w, h), shows: null });
  }

  #opinion(truth: number, visible: number): { classIndex: number; score: number } {
    const { unsureShare, confidenceMin } = this.#errors;
    const unsure = this.#random() < unsureShare;
    const low = unsure ? 0.15 : confidenceMin;
    const confidence = low + ((unsure ? 0.45 : 1) - low) * this.#random();
    const right = this.#random() < confidence;
    // Half an object is found with half the score.
    const score = visible < 0.6 ? confidence * 0.5 : confidence;
    return { classIndex: right ? truth : this.#otherThan(truth), score };
  }

  #otherThan(classIndex: number): number {
    const step = 1 + Math.floor(this.#random() * (sceneLabels.length - 1));
    return (classIndex + step) % sceneLabels.length;
  }

  #box(x: number, y: number, w: number, h: number): Box {
    const { noise } = this.#errors;
    const off = (size: number): number => size * noise * this.#normal();
    return cut(x + off(w), y + off(h), w + off(w), h + off(h));
  }

  /** Standard normal (Box and Muller 1958). */
  #normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.#random()));
    return radius * Math.cos(2 * Math.PI * this.#random());
  }
}

function cut(x: number, y: number, w: number, h: number): Box {
  return [clamp01(x - w / 2), clamp01(y - h / 2), clamp01(x + w / 2), clamp01(y + h / 2)];
}
