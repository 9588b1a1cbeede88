/** The element types of tensors: their names, numbers and widths. */
import { elementTypes as common } from "./schema.ts";

const names = [
  ...common,
  "complex64",
  "complex128",
  "bfloat16",
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "uint4",
  "int4",
  "float4e2m1",
] as const;

/** Bits per element in raw data, in the order of `TensorProto.DataType`; 0 has no fixed width. */
const bits = [0, 32, 8, 8, 16, 16, 32, 64, 0, 8, 16, 64, 32, 64, 64, 128, 16, 8, 8, 8, 8, 4, 4, 4];

/** @returns `float32`, `uint8`, … as ONNX Runtime names them */
export function typeName(number: number): string {
  return names[number] ?? `type ${number}`;
}

/** @throws Error where there is no such type */
export function typeNumber(name: string): number {
  const number = names.indexOf(name);
  if (number < 0) throw new Error(`no ONNX element type is called ${name}`);
  return number;
}

/** Bytes of a tensor's raw data; `undefined` where the type has no fixed width (strings). */
export function rawBytes(type: number, count: number): number | undefined {
  const width = bits[type] ?? 0;
  return width === 0 ? undefined : Math.ceil((count * width) / 8);
}
