/** Contrast, focus, haze and colour of a thumbnail, as far as possible without light and noise. */
import { type Bands, noiseGain } from "./bands.ts";
import type { Tone } from "./tone.ts";

/** Added to a mean before dividing by it, so that nearly black tiles do not give huge contrasts. */
const meanFloor = 4;

/** Amplitudes of fine and middle band by mean grey level, the noise taken out. */
export function contrastsOf(bands: Bands, noise: number) {
  const contrast = (energies: Float64Array, gain: number) =>
    energies.map(
      (energy, tile) =>
        Math.sqrt(Math.max(0, energy - gain * noise * noise)) /
        ((bands.mean[tile] ?? 0) + meanFloor),
    );
  return {
    fine: contrast(bands.fine, noiseGain.laplacian),
    middle: contrast(bands.middle, noiseGain.middle),
  };
}

/** Fine by middle contrast of a tile: what defocus lowers and light does not. */
export function detailOf(contrasts: ReturnType<typeof contrastsOf>, tile: number): number {
  const middle = contrasts.middle[tile] ?? 0;
  return middle <= 0 ? 0 : (contrasts.fine[tile] ?? 0) / middle;
}

/** Grey levels that a contrast amounts to in a tile of this mean. */
export function amplitudeOf(contrast: number, mean: number): number {
  return contrast * (mean + meanFloor);
}

/** Variance of the Laplacian without its noise, by the contrast: amplitude, not energy. */
export function focusOf(bands: Bands, noise: number, contrast: number) {
  const amplitude = (energy: number, gain: number) =>
    Math.sqrt(Math.max(0, energy - gain * noise * noise)) / Math.max(1, contrast);
  return {
    laplacian: amplitude(bands.laplacian, noiseGain.laplacian),
    tenengrad: amplitude(bands.tenengrad, noiseGain.tenengrad),
  };
}

export function darkChannelOf(bands: Bands, whiteLevel: number): number {
  const mean = bands.darkest.reduce((sum, darkest) => sum + darkest, 0) / bands.darkest.length;
  return Math.min(1, mean / Math.max(1, whiteLevel));
}

/** Mean distance from grey by the mean grey level, so that less light does not look like no colour. */
export function saturationOf(chroma: number | null, tone: Tone): number | null {
  return chroma === null ? null : chroma / (tone.mean + meanFloor);
}
