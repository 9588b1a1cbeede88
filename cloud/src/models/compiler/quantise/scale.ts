/**
 * The numbers of linear 8-bit quantisation: real = scale · (q - zero point). Rules and the order of
 * roundings are those of ONNX Runtime's quantiser, so a value here is the value there; rounding is
 * half-to-even everywhere, as in the runtime (`Math.round` is not).
 */
import { assert } from "@fieldloop/shared/errors";

export type QuantType = "uint8" | "int8";

/** The integers in use. */
export interface QuantRange {
  readonly min: number;
  readonly max: number;
}

export interface QuantParams {
  readonly type: QuantType;
  /** A 32-bit float. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Smallest normal 32-bit float: a scale below it would lose its digits. */
const floatMin = 2 ** -126;
const int32Max = 2 ** 31 - 1;
/** Room between the largest bias and the end of 32 bits, for the products that are added to it. */
const biasMargin = 1 + 2 ** -7;

/** @returns the nearest integer, and the even one of two that are equally near */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * The integers a tensor may use.
 * @param options.symmetric zero in the middle, so one integer less
 * @param options.reduced 7 bits: x86 processors without VNNI add two products of bytes in 16 bits,
 *   where 255 · 127 · 2 overflows and 255 · 64 · 2 does not
 */
export function quantRange(
  type: QuantType,
  options: { readonly symmetric?: boolean; readonly reduced?: boolean } = {},
): QuantRange {
  if (options.reduced === true)
    return type === "uint8" ? { min: 0, max: 127 } : { min: -64, max: 64 };
  if (type === "uint8") return { min: 0, max: options.symmetric === true ? 254 : 255 };
  return { min: options.symmetric === true ? -127 : -128, max: 127 };
}

/**
 * Scale and zero point for values between `min` and `max`. The range is widened to hold 0, which is
 * then exactly an integer: padding and ReLU need that.
 */
export function quantParams(
  min: number,
  max: number,
  type: QuantType,
  options: { readonly symmetric?: boolean; readonly reduced?: boolean } = {},
): QuantParams {
  assert(Number.isFinite(min) && Number.isFinite(max) && min <= max, "a range has two finite ends");
  const range = quantRange(type, options);
  const symmetric = options.symmetric === true;
  const largest = Math.max(Math.abs(min), Math.abs(max));
  const low = symmetric ? -largest : Math.min(min, 0);
  const high = symmetric ? largest : Math.max(max, 0);
  const scale = (high - low) / (range.max - range.min);
  if (scale < floatMin) return { type, scale: 1, zeroPoint: 0 };
  // The zero point comes from the 64-bit scale; only then is the scale rounded to 32 bits.
  const zeroPoint = symmetric
    ? roundHalfToEven((range.min + range.max) / 2)
    : roundHalfToEven(range.min - low / scale);
  return { type, scale: Math.fround(scale), zeroPoint };
}

/** One value as an integer. The division is one of 32-bit floats, as in the runtime. */
export function quantiseValue(
  value: number,
  scale: number,
  zeroPoint: number,
  range: QuantRange,
): number {
  const q = roundHalfToEven(Math.fround(value / scale)) + zeroPoint;
  return Math.min(range.max, Math.max(range.min, q));
}

/** A tensor as bytes, with one scale for all of it. */
export function quantiseTensor(
  data: Float32Array,
  params: QuantParams,
  range: QuantRange = quantRange(params.type),
): Uint8Array<ArrayBuffer> | Int8Array<ArrayBuffer> {
  const { scale, zeroPoint } = params;
  const out = params.type === "uint8" ? new Uint8Array(data.length) : new Int8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    out[i] = quantiseValue(data[i] ?? 0, scale, zeroPoint, range);
  }
  return out;
}

/** Weights as bytes, with a scale for each index of one axis; every zero point is 0. */
export interface QuantWeights {
  readonly data: Int8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
}

export interface WeightOptions {
  readonly dims: readonly number[];
  /** The axis of output channels: Conv 0, ConvTranspose 1, Gemm 1 (transB: 0), MatMul the last. */
  readonly axis: number;
  readonly reduced?: boolean;
  /** Scales no smaller than these, per channel: see `scalesForBias`. */
  readonly scalesMin?: Float32Array;
}

/** Symmetric 8-bit weights per channel. */
export function quantiseWeights(data: Float32Array, options: WeightOptions): QuantWeights {
  const { dims, axis, reduced = false } = options;
  const range = quantRange("int8", { symmetric: true, reduced });
  const channels = dims[axis] ?? 1;
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const largest = new Float32Array(channels);
  data.forEach((value, i) => {
    const channel = channelOf(i);
    largest[channel] = Math.max(largest[channel] ?? 0, Math.abs(value));
  });
  const scales = largest.map((size, channel) => {
    const { scale } = quantParams(-size, size, "int8", { symmetric: true, reduced });
    const least = options.scalesMin?.[channel] ?? 0;
    // A channel of zeros has no size of its own: any scale is right for it, and its bias needs one.
    return size === 0 && least > 0 ? least : Math.max(scale, least);
  });
  const out = new Int8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    out[i] = quantiseValue(data[i] ?? 0, scales[channelOf(i)] ?? 1, 0, range);
  }
  return { data: out, scales };
}

/**
 * The least scale per channel of weights with which the bias, stored in steps of
 * `inputScale · scale`, fits into 32 bits. It matters for channels that training left nearly dead:
 * tiny weights beside an ordinary bias.
 */
export function scalesForBias(bias: Float32Array, inputScale: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(bias, (value) => {
    const step = (biasMargin * Math.abs(value)) / int32Max;
    return step / inputScale;
  });
}

/**
 * A bias as 32-bit integers in steps of `inputScale · weightScale` (a product of 32-bit floats); its
 * zero point is 0.
 * @param weightScales one per channel, or a single one for all
 */
export function quantiseBias(
  bias: Float32Array,
  inputScale: number,
  weightScales: Float32Array,
): { readonly data: Int32Array<ArrayBuffer>; readonly scales: Float32Array<ArrayBuffer> } {
  const scales = weightScales.map((scale) => inputScale * scale);
  const data = Int32Array.from(bias, (value, i) => {
    const q = roundHalfToEven(value / (scales[scales.length === 1 ? 0 : i] ?? 1));
    return Math.min(int32Max, Math.max(-int32Max - 1, q));
  });
  return { data, scales: Float32Array.from(scales) };
}
