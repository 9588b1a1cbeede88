/**
 * The messages of an ONNX file as plain data. Every field is optional, as in the file, and whatever a
 * message holds that is not described here travels with it: change a message with `revise`.
 */

/** 64-bit integers are read as two halves, so none loses its low bits, and may be given as numbers. */
export type Int64 =
  | number
  | { readonly low: number; readonly high: number; readonly unsigned: boolean };

export interface StringEntry {
  readonly key?: string;
  readonly value?: string;
}

export interface ModelProto {
  readonly irVersion?: Int64;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly docString?: string;
  readonly graph?: GraphProto;
  readonly opsetImport?: readonly { readonly domain?: string; readonly version?: Int64 }[];
  readonly metadataProps?: readonly StringEntry[];
  readonly trainingInfo?: readonly unknown[];
  readonly functions?: readonly FunctionProto[];
}

export interface FunctionProto {
  readonly name?: string;
  readonly domain?: string;
  readonly node?: readonly NodeProto[];
}

export interface GraphProto {
  readonly node?: readonly NodeProto[];
  readonly name?: string;
  readonly initializer?: readonly TensorProto[];
  readonly sparseInitializer?: readonly SparseTensorProto[];
  readonly input?: readonly ValueInfoProto[];
  readonly output?: readonly ValueInfoProto[];
  readonly valueInfo?: readonly ValueInfoProto[];
}

export interface NodeProto {
  readonly input?: readonly string[];
  readonly output?: readonly string[];
  readonly name?: string;
  readonly opType?: string;
  readonly domain?: string;
  readonly attribute?: readonly AttributeProto[];
}

/** `AttributeProto.AttributeType`. */
export const attributeTypes = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
} as const;

export interface AttributeProto {
  readonly name?: string;
  readonly type?: number;
  readonly f?: number;
  readonly i?: Int64;
  readonly s?: Uint8Array;
  readonly t?: TensorProto;
  readonly g?: GraphProto;
  readonly floats?: readonly number[];
  readonly ints?: readonly Int64[];
  readonly strings?: readonly Uint8Array[];
  readonly tensors?: readonly TensorProto[];
  readonly graphs?: readonly GraphProto[];
}

export interface TensorProto {
  readonly name?: string;
  readonly dims?: readonly Int64[];
  readonly dataType?: number;
  readonly segment?: unknown;
  readonly floatData?: readonly number[];
  readonly int32Data?: readonly number[];
  readonly stringData?: readonly Uint8Array[];
  readonly int64Data?: readonly Int64[];
  readonly rawData?: Uint8Array;
  readonly doubleData?: readonly number[];
  readonly uint64Data?: readonly Int64[];
  readonly externalData?: readonly StringEntry[];
  /** 1 where the data lies in another file. */
  readonly dataLocation?: number;
}

export interface SparseTensorProto {
  readonly values?: TensorProto;
}

export interface DimensionProto {
  readonly dimValue?: Int64;
  readonly dimParam?: string;
}

export interface TypeProto {
  readonly tensorType?: {
    readonly elemType?: number;
    readonly shape?: { readonly dim?: readonly DimensionProto[] };
  };
}

export interface ValueInfoProto {
  readonly name?: string;
  readonly type?: TypeProto;
}

/**
 * A copy of a message with some fields changed; `undefined` takes a field out. Bytes of fields that
 * the schema does not know are copied too.
 */
export function revise<Message extends object>(
  message: Message,
  changes: { readonly [Key in keyof Message]?: Message[Key] | undefined },
): Message {
  const copy: Record<string, unknown> = { ...(message as Record<string, unknown>) }; // by name
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) delete copy[key];
    else copy[key] = value;
  }
  const unknown: unknown = Reflect.get(message, "$unknowns"); // where protobufjs keeps them
  if (unknown !== undefined) {
    Object.defineProperty(copy, "$unknowns", { value: unknown, enumerable: false });
  }
  return copy as Message; // a copy of one
}

/** @returns the number; exact up to 2^53, and the nearest beyond ("to the end" is written as 2^63-1) */
export function toNumber(value: Int64 | undefined): number {
  if (value === undefined || typeof value === "number") return value ?? 0;
  const high = value.unsigned ? value.high >>> 0 : value.high;
  return high * 2 ** 32 + (value.low >>> 0);
}

/** @returns the integer, exact */
export function toBigInt(value: Int64): bigint {
  if (typeof value === "number") return BigInt(value);
  const high = value.unsigned ? value.high >>> 0 : value.high;
  return (BigInt(high) << 32n) | BigInt(value.low >>> 0);
}
