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
