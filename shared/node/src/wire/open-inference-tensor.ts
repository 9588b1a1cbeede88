/** Tensors of the Open Inference Protocol V2 on the wire: JSON, and what follows it in binary. */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import * as z from "zod/mini";

/** Length of the JSON part, where binary tensors follow it. */
export const headLengthHeader = "inference-header-content-length";

/** Arrays in arrays that data may have. */
const nestingMax = 4;
const floatWidths: ReadonlyMap<string, number> = new Map([
  ["FP32", 4],
  ["FP64", 8],
]);

/** Names of models and tensors. */
export const tensorName = z.string().check(z.minLength(1), z.maxLength(256));
/** One tensor: described, and with its data where that is JSON. */
export const tensor = z.object({
  name: tensorName,
  shape: z.array(z.int().check(z.gte(0), z.lte(1e9))).check(z.maxLength(8)),
  datatype: z.string().check(z.maxLength(16)),
  parameters: z.optional(
    z.object({
      binary_data_size: z.optional(z.int().check(z.gte(0))),
      content_type: z.optional(z.string().check(z.maxLength(64))),
    }),
  ),
  data: z.optional(z.array(z.unknown())),
});
export type Tensor = z.infer<typeof tensor>;

/** A body with the headers that belong to it. */
export interface EncodedInference {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A body that is all JSON. */
export function asJson(head: object): EncodedInference {
  const body = Buffer.from(JSON.stringify(head), "utf8");
  return { headers: { "content-type": "application/json" }, body };
}

/** A JSON head and the binary tensors that it describes, in its order. */
export function asBinary(head: object, parts: readonly Buffer[]): EncodedInference {
  const json = Buffer.from(JSON.stringify(head), "utf8");
  return {
    headers: {
      "content-type": "application/octet-stream",
      [headLengthHeader]: String(json.length),
    },
    body: Buffer.concat([json, ...parts]),
  };
}

/**
 * The JSON of a body by its schema, and the bytes after it.
 * @throws AppError `inference-malformed`
 */
export function splitBody<T>(
  body: Uint8Array,
  headLength: string | undefined,
  schema: z.ZodMiniType<T>,
): { readonly head: T; readonly binary: Uint8Array } {
  const length = headLength === undefined ? body.length : Number(headLength);
  if (headLength !== undefined && !(/^\d{1,10}$/.test(headLength) && length <= body.length))
    throw malformed(`${headLengthHeader} is "${headLength}" and the body has ${body.length} bytes`);
  let json: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body.subarray(0, length));
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(`the body is not JSON in UTF-8 (${messageOf(cause)})`, cause);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { head: parsed.data, binary: body.subarray(length) };
  const [issue] = parsed.error.issues;
  throw malformed(`${issue?.path.join(".") || "the body"}: ${issue?.message ?? "is not valid"}`);
}

/** Binary tensors lie one after the other, in the order of their descriptions, and fill the rest. */
export function sliceBinary(tensors: readonly Tensor[], rest: Uint8Array): Map<Tensor, Uint8Array> {
  const slices = new Map<Tensor, Uint8Array>();
  let at = 0;
  for (const one of tensors) {
    const size = one.parameters?.binary_data_size;
    if (size === undefined) continue;
    slices.set(one, rest.subarray(at, at + size));
    at += size;
  }
  if (at !== rest.length)
    throw malformed(`the binary tensors say ${at} bytes and ${rest.length} follow the JSON`);
  return slices;
}

/** A BYTES tensor: each element as its length (four bytes, little-endian) and its bytes. */
export function packBytes(items: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    items.flatMap((item) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(item.length);
      return [length, item];
    }),
  );
}

/** Elements of a BYTES tensor, at most so many. */
export function unpackBytes(part: Uint8Array, itemsMax: number): Uint8Array[] {
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
  const items: Uint8Array[] = [];
  for (let at = 0; at < part.length; ) {
    const length = at + 4 <= part.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > part.length || items.length >= itemsMax)
      throw malformed(`a BYTES tensor does not hold what it says, at most ${itemsMax} elements`);
    items.push(part.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return items;
}

/** An FP32 tensor, little-endian. */
export function packFloats(values: readonly number[]): Buffer {
  const packed = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) packed.writeFloatLE(value, i * 4);
  return packed;
}

/** A BYTES tensor of labels. */
export function textsOf(one: Tensor, part: Uint8Array | undefined, itemsMax: number): string[] {
  if (one.datatype !== "BYTES") throw malformed(`"${one.name}" is ${one.datatype}, not BYTES`);
  const texts =
    part === undefined
      ? flatten(one.data, itemsMax)
      : unpackBytes(part, itemsMax).map((bytes) => Buffer.from(bytes).toString("utf8"));
  return texts.map((text) => {
    if (typeof text === "string" && text.length >= 1 && text.length <= 128) return text;
    throw malformed("a label is a text of 1 to 128 characters");
  });
}

/** An FP32 or FP64 tensor with exactly so many finite numbers. */
export function numbersOf(
  one: Tensor,
  part: Uint8Array | undefined,
  count: number,
): readonly number[] {
  const width = floatWidths.get(one.datatype);
  if (width === undefined) throw malformed(`"${one.name}" is ${one.datatype}, not FP32 or FP64`);
  const values = part === undefined ? flatten(one.data, count) : unpackFloats(part, width);
  if (values.length !== count || !values.every(isFiniteNumber))
    throw malformed(`"${one.name}" has to have ${count} finite numbers`);
  return values;
}

function unpackFloats(part: Uint8Array, width: number): readonly number[] {
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
  const read = (i: number) =>
    width === 4 ? view.getFloat32(i * 4, true) : view.getFloat64(i * 8, true);
  return Array.from({ length: Math.floor(part.length / width) }, (_, i) => read(i));
}

/** Data may be flat or nested, row by row; either way at most so many elements are taken. */
export function flatten(
  data: readonly unknown[] | undefined,
  itemsMax: number,
): readonly unknown[] {
  const flat = (data ?? []).slice(0, itemsMax + 1).flat(nestingMax);
  if (flat.length > itemsMax) throw malformed(`a tensor has more than ${itemsMax} elements`);
  return flat;
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** What cannot be read, and why. */
export function malformed(message: string, cause?: unknown): AppError {
  return new AppError({
    code: "inference-malformed",
    message,
    ...(cause !== undefined && { cause }),
  });
}
