/** From RGB pixels to the numbers of a model's input tensor. */
import type { ModelInput } from "@fieldloop/shared/manifest/model";

/** What fills an input tensor: one buffer for the life of a session. */
export type TensorData = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;

/** Shape of the input tensor for one frame. */
export function inputDims(input: ModelInput): readonly [number, number, number, number] {
  const { width, height } = input;
  return input.layout === "NCHW" ? [1, 3, height, width] : [1, height, width, 3];
}

/** An empty buffer of the input's type and size. */
export function createTensorData(input: ModelInput): TensorData {
  const length = 3 * input.width * input.height;
  return input.type === "float32" ? new Float32Array(length) : new Uint8Array(length);
}

/**
 * Prepares the conversion once. A graph that takes pixels as they are gets a copy of the bytes; for
 * any other, 256 numbers per channel are looked up, so a frame costs one read and one write per value.
 * @returns a function that fills `out` (from `createTensorData`) from RGB pixels, row by row
 */
export function tensorWriter(input: ModelInput): (pixels: Uint8Array, out: TensorData) => void {
  if (takesPixels(input)) return (pixels, out) => out.set(pixels);
  const [first, second, third] = lookupTables(input);
  // Where the tensor's channels lie in an RGB pixel.
  const [a, b, c] = input.colour === "rgb" ? [0, 1, 2] : [2, 1, 0];
  const area = input.width * input.height;
  const planar = input.layout === "NCHW";
  const step = planar ? 1 : 3;
  const plane = planar ? area : 1;
  return (pixels, out) => {
    for (let i = 0, from = 0, to = 0; i < area; i++, from += 3, to += step) {
      // A byte always lies inside a table of 256 and the pixels were counted when they were made.
      out[to] = first[pixels[from + a] as number] as number; // inside, as said above
      out[to + plane] = second[pixels[from + b] as number] as number; // likewise
      out[to + 2 * plane] = third[pixels[from + c] as number] as number; // likewise
    }
  };
}

/** Whether the tensor's bytes are the picture's: RGB side by side, neither shifted nor scaled. */
function takesPixels({ type, layout, colour, mean, std }: ModelInput): boolean {
  const untouched = mean.every((value) => value === 0) && std.every((value) => value === 1);
  return type === "uint8" && layout === "NHWC" && colour === "rgb" && untouched;
}

function lookupTables(input: ModelInput): readonly [TensorData, TensorData, TensorData] {
  const table = (channel: 0 | 1 | 2): TensorData => {
    const values = Array.from(
      { length: 256 },
      (_, pixel) => (pixel - input.mean[channel]) / input.std[channel],
    );
    return input.type === "float32"
      ? Float32Array.from(values)
      : Uint8Array.from(values, (value) => Math.min(255, Math.max(0, Math.round(value))));
  };
  return [table(0), table(1), table(2)];
}
