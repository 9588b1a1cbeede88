/** Constant tensors of a graph and typed access to their data. */
import { AppError } from "@fieldloop/shared/errors";
import { rawBytes, typeName, typeNumber } from "./element-type.ts";
import { fromHalf } from "./half.ts";
import { type Int64, revise, type TensorProto, toBigInt, toNumber } from "./proto.ts";

/** A constant: its message, and what passes ask of it most. */
export interface Tensor {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly proto: TensorProto;
}

/** Values as they lie in memory. float16 and bfloat16 are bit patterns, narrower types packed bytes. */
export type TypedData =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const;

export function countOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

export function tensorOf(proto: TensorProto): Tensor {
  return {
    name: proto.name ?? "",
    type: typeName(proto.dataType ?? 0),
    dims: (proto.dims ?? []).map(toNumber),
    proto,
  };
}

/** A tensor of new data, stored raw. */
export function makeTensor(options: {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: TypedData;
}): Tensor {
  const { name, type, dims, data } = options;
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const expected = rawBytes(typeNumber(type), countOf(dims));
  if (raw.length !== expected) {
    throw new Error(`${name} of ${type}[${dims}] takes ${expected} bytes, not ${raw.length}`);
  }
  return tensorOf({ name, dataType: typeNumber(type), dims: [...dims], rawData: raw });
}

export function floatTensor(name: string, dims: readonly number[], data: Float32Array): Tensor {
  return makeTensor({ name, type: "float32", dims, data: Float32Array.from(data) });
}

export function int64Tensor(
  name: string,
  values: readonly number[],
  dims?: readonly number[],
): Tensor {
  // "To the end" is 2^63-1 in files, which as a number is the next one, 2^63.
  const data = BigInt64Array.from(values, (value) =>
    value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value),
  );
  return makeTensor({ name, type: "int64", dims: dims ?? [values.length], data });
}

/** The same tensor under another name. */
export function renamed(tensor: Tensor, name: string): Tensor {
  return tensorOf(revise(tensor.proto, { name }));
}

/**
 * A tensor's values, from raw or typed fields.
 * @throws AppError `model-unreadable` where the data does not fill the shape, lies in another file or
 *   has a type without numbers (strings)
 */
export function dataOf(tensor: Tensor): TypedData {
  const { proto, type, dims } = tensor;
  if (proto.dataLocation === 1) throw bad(tensor, "lies in another file that was not read");
  const Make = type in arrays ? arrays[type as keyof typeof arrays] : undefined; // a key, as just checked
  const count = countOf(dims);
  const bytes = rawBytes(proto.dataType ?? 0, count);
  if (bytes === undefined) throw bad(tensor, `is of ${type}, which holds no numbers`);
  const raw = proto.rawData;
  const typed =
    raw !== undefined && (raw.length > 0 || count === 0) ? undefined : typedFields(proto);
  if (raw !== undefined && typed === undefined) {
    if (raw.length !== bytes) throw bad(tensor, `holds ${raw.length} bytes and needs ${bytes}`);
    const copy = new Uint8Array(raw); // aligned, and its own
    return Make === undefined ? copy : new Make(copy.buffer);
  }
  const values = typed ?? [];
  if (Make === undefined) {
    // int4 and 8-bit floats lie in int32_data, one packed byte each
    if (values.length !== bytes)
      throw bad(tensor, `holds ${values.length} bytes and needs ${bytes}`);
    return Uint8Array.from(values, toNumber);
  }
  if (values.length !== count) {
    throw bad(tensor, `holds ${values.length} values and needs ${count}`);
  }
  if (Make === BigInt64Array) return BigInt64Array.from(values, toBigInt);
  if (Make === BigUint64Array) return BigUint64Array.from(values, toBigInt);
  const numbers = Make as Exclude<
    typeof Make,
    BigInt64ArrayConstructor | BigUint64ArrayConstructor
  >; // the others, as just checked
  return numbers.from(values.map(toNumber));
}

/** Values of a float tensor as 32-bit floats (float64 is rounded). */
export function floatsOf(tensor: Tensor): Float32Array<ArrayBuffer> {
  const data = dataOf(tensor);
  if (tensor.type === "float16") return Float32Array.from(data as Uint16Array, fromHalf); // its bit patterns
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  throw bad(tensor, `is of ${tensor.type} and floats are needed`);
}

/** Values of an integer tensor as numbers: shapes, axes, pads. */
export function integersOf(tensor: Tensor): number[] {
  return Array.from<number | bigint, number>(dataOf(tensor), Number);
}

function typedFields(proto: TensorProto): readonly Int64[] {
  const lists = [
    proto.floatData,
    proto.int32Data,
    proto.int64Data,
    proto.doubleData,
    proto.uint64Data,
  ];
  return lists.find((list) => list !== undefined && list.length > 0) ?? [];
}

function bad(tensor: Tensor, what: string): AppError {
  return new AppError({
    code: "model-unreadable",
    message: `The model is damaged: its tensor ${tensor.name} ${what}`,
    status: 422,
  });
}
