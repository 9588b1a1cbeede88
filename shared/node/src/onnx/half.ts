/** 16-bit floats (IEEE 754 binary16) as numbers. */

/** @param bits the bit pattern, 0-65535 */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** @returns the bit pattern of the nearest half, ties to even; beyond 65504 it is infinite */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  // Below 2^-14 halves lie 2^-24 apart, above it 2^(exponent-10).
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const steps = halfToEven(size / 2 ** (exponent - 10));
  const base = size < 2 ** -14 ? 0 : (exponent + 15 - 1) << 10;
  return sign | (base + steps);
}

function halfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** `toHalf` for many 32-bit floats, by their bits. */
export function toHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(Float32Array.from(values).buffer);
  return Uint16Array.from(words, halfOfWord);
}

/** @param word the bits of a 32-bit float: sign, 8 of exponent (127 is 2^0), 23 of fraction */
function halfOfWord(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const exponent = ((word >>> 23) & 0xff) - 112; // of the half, where 15 is 2^0
  const fraction = word & 0x7fffff;
  if (exponent === 143 && fraction !== 0) return 0x7e00;
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent < -10) return sign;
  // Below 2^-14 the leading 1 is written out, and the fraction shrinks with the exponent.
  const isSmall = exponent <= 0;
  const digits = isSmall ? fraction | 0x800000 : fraction;
  const dropped = isSmall ? 14 - exponent : 13;
  const kept = (isSmall ? 0 : exponent << 10) + (digits >>> dropped);
  const rest = digits & (2 ** dropped - 1);
  const tie = 2 ** (dropped - 1);
  const roundsUp = rest > tie || (rest === tie && kept % 2 === 1);
  return sign | (roundsUp ? kept + 1 : kept); // a carry runs into the exponent, where it belongs
}
