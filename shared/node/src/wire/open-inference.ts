/**
 * Pictures and findings in the Open Inference Protocol V2 (KServe, Triton, MLServer), as JSON or with
 * its binary tensor extension. Both sides: a device writes requests and reads responses, a server the
 * other way round.
 *
 * Request, `POST /v2/models/{name}[/versions/{version}]/infer`: one input `image`, BYTES of shape [1],
 * a JPEG; in JSON as base64 with `content_type: base64` (MLServer's convention, since BYTES in JSON are
 * text), in binary as a four-byte little-endian length and the bytes.
 * Response: outputs `label` BYTES [n], `scores` FP32 [n] and, of a detector, `boxes` FP32 [n, 4]: x1,
 * y1, x2, y2 as fractions of the picture that was sent.
 */
import { AppError } from "@fieldloop/shared/errors";
import * as z from "zod/mini";
import {
  asBinary,
  asJson,
  type EncodedInference,
  flatten,
  malformed,
  numbersOf,
  packBytes,
  packFloats,
  sliceBinary,
  splitBody,
  type Tensor,
  tensor,
  tensorName,
  textsOf,
  unpackBytes,
} from "./open-inference-tensor.ts";

export const idempotencyHeader = "idempotency-key";

/** Bounds for reading; a server or client may lower them. */
export const inferenceLimits = {
  /** Whole request, in bytes. */
  requestBytesMax: 12 * 1024 * 1024,
  /** The picture in it, decoded from base64. */
  imageBytesMax: 8 * 1024 * 1024,
  /** Whole response, in bytes. */
  responseBytesMax: 1024 * 1024,
  /** Labels of a response, which are as many as its scores and boxes. */
  findingsMax: 1000,
} as const;

const identifier = z.optional(z.string().check(z.maxLength(256)));

/** JSON part of a request; unknown members are let be, as the protocol is meant to be extended. */
export const inferenceRequestHead = z.object({
  id: identifier,
  inputs: z.array(tensor).check(z.minLength(1), z.maxLength(16)),
});

/** JSON part of a response. */
export const inferenceResponseHead = z.object({
  model_name: tensorName,
  model_version: z.optional(z.nullable(z.string().check(z.maxLength(256)))),
  id: identifier,
  outputs: z.array(tensor).check(z.maxLength(16)),
});

/** What a server says instead of a response. */
export const inferenceError = z.object({ error: z.string() });

export interface InferenceRequest {
  readonly id: string | null;
  /** JPEG. */
  readonly image: Uint8Array;
}

/** What a model found. A classifier's labels come with their probabilities and without boxes. */
export interface InferenceResponse {
  readonly model: string;
  readonly version: string | null;
  readonly id: string | null;
  readonly labels: readonly string[];
  /** One for each label, 0 to 1. */
  readonly scores: readonly number[];
  readonly boxes: readonly (readonly [number, number, number, number])[] | null;
}

export type InferenceEncoding = "json" | "binary";

export function encodeInferenceRequest(
  { id, image }: InferenceRequest,
  encoding: InferenceEncoding,
): EncodedInference {
  const input = { name: "image", shape: [1], datatype: "BYTES" };
  const outputs = ["label", "scores", "boxes"].map((output) => ({ name: output }));
  const head = (tensorFields: object) => ({
    ...(id !== null && { id }),
    inputs: [{ ...input, ...tensorFields }],
    outputs,
  });
  if (encoding === "json") {
    const data = [Buffer.from(image).toString("base64")];
    return asJson(head({ parameters: { content_type: "base64" }, data }));
  }
  const packed = packBytes([image]);
  return asBinary(head({ parameters: { binary_data_size: packed.length } }), [packed]);
}

/**
 * Reads a request, for a server.
 * @param headLength the header `Inference-Header-Content-Length`; `undefined` where all is JSON
 * @throws AppError `inference-malformed`, or `inference-oversized` for a picture that is too large
 */
export function decodeInferenceRequest(
  body: Uint8Array,
  headLength: string | undefined,
  imageBytesMax: number = inferenceLimits.imageBytesMax,
): InferenceRequest {
  const { head, binary } = splitBody(body, headLength, inferenceRequestHead);
  const tensors = new Map(head.inputs.map((one) => [one.name, one]));
  const input = tensors.get("image");
  if (input === undefined || tensors.size > 1)
    throw malformed(`the request has the inputs ${[...tensors.keys()]}; one, "image", is expected`);
  if (input.datatype !== "BYTES" || input.shape.some((n) => n !== 1) || input.shape.length === 0)
    throw malformed(`"image" is ${input.datatype} [${input.shape}]; BYTES [1] is expected`);
  const part = sliceBinary(head.inputs, binary).get(input);
  const image = part === undefined ? fromBase64(input) : unpackBytes(part, 1)[0];
  if (image === undefined || image.length === 0) throw malformed('"image" is empty');
  if (image.length > imageBytesMax)
    throw new AppError({
      code: "inference-oversized",
      message: `the picture has ${image.length} bytes; at most ${imageBytesMax} are allowed`,
      status: 413,
    });
  return { id: head.id ?? null, image };
}

/** Writes a response, for a server. */
export function encodeInferenceResponse(
  response: InferenceResponse,
  encoding: InferenceEncoding,
): EncodedInference {
  const { model, version, id, labels, scores, boxes } = response;
  const n = labels.length;
  const parts = [
    { name: "label", shape: [n], datatype: "BYTES", data: labels },
    { name: "scores", shape: [n], datatype: "FP32", data: scores },
    ...(boxes === null
      ? []
      : [{ name: "boxes", shape: [n, 4], datatype: "FP32", data: boxes.flat() }]),
  ];
  const head = (outputs: readonly object[]) => ({
    model_name: model,
    ...(version !== null && { model_version: version }),
    ...(id !== null && { id }),
    outputs,
  });
  if (encoding === "json") return asJson(head(parts));
  const packed = [
    packBytes(labels.map((label) => Buffer.from(label, "utf8"))),
    packFloats(scores),
    ...(boxes === null ? [] : [packFloats(boxes.flat())]),
  ];
  const described = parts.map(({ data: _, ...rest }, i) => ({
    ...rest,
    parameters: { binary_data_size: packed[i]?.length ?? 0 },
  }));
  return asBinary(head(described), packed);
}

/**
 * Reads a response.
 * @throws AppError `inference-malformed`
 */
export function decodeInferenceResponse(
  body: Uint8Array,
  headLength: string | undefined,
): InferenceResponse {
  const { head, binary } = splitBody(body, headLength, inferenceResponseHead);
  const slices = sliceBinary(head.outputs, binary);
  const output = (wanted: string) => head.outputs.find((one) => one.name === wanted);
  const labelTensor = needed(output("label"), "label");
  const labels = textsOf(labelTensor, slices.get(labelTensor), inferenceLimits.findingsMax);
  const scoreTensor = needed(output("scores"), "scores");
  const scores = numbersOf(scoreTensor, slices.get(scoreTensor), labels.length);
  const boxTensor = output("boxes");
  const flat = boxTensor && numbersOf(boxTensor, slices.get(boxTensor), labels.length * 4);
  return {
    model: head.model_name,
    version: head.model_version ?? null,
    id: head.id ?? null,
    labels,
    scores: scores.map(asProbability),
    boxes: flat === undefined ? null : labels.map((_, i) => boxAt(flat, i)),
  };
}

/** The key of a request, with or without the quotes that the header's draft standard asks for. */
export function readIdempotencyKey(header: string | undefined): string | undefined {
  return /^"?([\x21\x23-\x7e]{1,128})"?$/.exec(header ?? "")?.[1];
}

function fromBase64({ data, parameters }: Tensor): Buffer {
  const [text] = flatten(data, 1);
  const type = parameters?.content_type ?? "base64";
  if (type !== "base64" || typeof text !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw malformed('"image" in JSON is base64 text with content_type "base64"');
  return Buffer.from(text, "base64");
}

/** 32-bit rounding may leave a probability a little outside. */
function asProbability(score: number): number {
  if (score < -1e-3 || score > 1.001) throw malformed(`a score is ${score}; 0 to 1 is expected`);
  return Math.min(1, Math.max(0, score));
}

function boxAt(flat: readonly number[], i: number): readonly [number, number, number, number] {
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = flat.slice(i * 4, i * 4 + 4);
  return [x1, y1, x2, y2];
}

function needed(output: Tensor | undefined, wanted: string): Tensor {
  if (output === undefined) throw malformed(`the response has no output "${wanted}"`);
  return output;
}
