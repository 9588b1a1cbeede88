/**
 * Reads and writes ONNX models without losing anything: what the schema does not describe is kept as
 * bytes and written back at the end of its message.
 */
import { AppError } from "@fieldloop/shared/errors";
import protobuf from "protobufjs/light.js";
import { modelSchema } from "./model-schema.ts";
import { type ModelProto, toNumber } from "./proto.ts";

/** Operator sets that can be read. A pass raises what is older than 13 before it is quantised. */
export const opsetMin = 9;
export const opsetMax = 21;
/** IR version 3 is the first that names its operator sets; 13 is the newest that is described here. */
const irVersionMin = 3;
const irVersionMax = 13;

const modelType = prepareTypes();

/** Message types whose objects hold what the file holds: what is absent is `undefined`, no default. */
function prepareTypes(): protobuf.Type {
  const root = protobuf.Root.fromJSON(modelSchema);
  for (const type of root.nestedArray) {
    if (!(type instanceof protobuf.Type)) continue;
    const defaults: object = type.ctor.prototype;
    for (const { name } of type.fieldsArray) Reflect.deleteProperty(defaults, name);
  }
  return root.lookupType("ModelProto");
}

/**
 * Reads a model. Large tensors are views of `bytes`, so these must not change afterwards.
 * @param name the file's name, for the error
 * @throws AppError `model-unreadable` where the bytes are no ONNX model or are cut short,
 *   `model-unsupported` where IR version or operator set are not among those that can be changed
 */
export function decodeModel(bytes: Uint8Array, name = "the model"): ModelProto {
  const model = decode(bytes, name);
  const graph = model.graph;
  if (graph === undefined || (graph.output ?? []).length === 0) {
    throw unreadable(
      `${name} is no ONNX model, or it is cut short: it holds no graph with an output`,
    );
  }
  const irVersion = toNumber(model.irVersion);
  if (irVersion < irVersionMin || irVersion > irVersionMax) {
    throw unsupported(
      `${name} is written in ONNX IR version ${irVersion}; versions ${irVersionMin} to ${irVersionMax} can be read, so export it again with a current exporter`,
    );
  }
  const opset = opsetOf(model);
  if (opset === undefined) {
    throw unreadable(`${name} is cut short or damaged: it does not name its operator set`);
  }
  if (opset < opsetMin || opset > opsetMax) {
    throw unsupported(
      `${name} uses operator set ${opset}; sets ${opsetMin} to ${opsetMax} can be compiled, so export it again with one of these`,
    );
  }
  return model;
}

/** The bytes of a model. A model that was read and not changed gives the bytes of its exporter. */
export function encodeModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  return new Uint8Array(modelType.encode(model).finish());
}

/** Version of the default operator set; `undefined` where none is named. */
export function opsetOf(model: ModelProto): number | undefined {
  const set = (model.opsetImport ?? []).find(
    ({ domain = "" }) => domain === "" || domain === "ai.onnx",
  );
  return set === undefined ? undefined : toNumber(set.version);
}

function decode(bytes: Uint8Array, name: string): ModelProto {
  const reader = protobuf.Reader.create(bytes);
  reader.discardUnknown = false;
  try {
    return modelType.decode(reader) as ModelProto; // what the schema says
  } catch (cause) {
    // Every exporter writes the IR version first, so these two bytes tell a damaged model from a picture.
    const looksLikeOnnx = bytes[0] === 0x08 && (bytes[1] ?? 0) <= irVersionMax;
    throw unreadable(
      looksLikeOnnx
        ? `${name} is cut short or damaged; copy or export it again`
        : `${name} is no ONNX model`,
      cause,
    );
  }
}

function unreadable(message: string, cause?: unknown): AppError {
  return new AppError({ code: "model-unreadable", message, status: 422, cause });
}

function unsupported(message: string): AppError {
  return new AppError({ code: "model-unsupported", message, status: 422 });
}
