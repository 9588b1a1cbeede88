/**
 * Weights in a second file ("external data"): read into the model, or moved out of it. The location
 * in a model file is somebody else's text, so it is never followed out of the model's own folder.
 */
import { open, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { AppError } from "@fieldloop/shared/errors";
import { decodeModel, encodeModel } from "./codec.ts";
import { rawBytes, typeName } from "./element-type.ts";
import { type ModelProto, revise, type TensorProto, toNumber } from "./proto.ts";
import { countOf } from "./tensor.ts";
import { mapTensors } from "./tensors-in.ts";

export interface ModelFileLimits {
  /** Size of the model file itself. */
  readonly modelBytesMax: number;
  /** Size of all data outside it, together. */
  readonly externalBytesMax: number;
}

/** A message can hold 2 GiB at most, so nothing larger could be written back as one file. */
const defaultLimits: ModelFileLimits = {
  modelBytesMax: 2 ** 31 - 1,
  externalBytesMax: 2 ** 31 - 1,
};

/**
 * Reads a model and the data that lies beside it; in the result all data is inside.
 * @throws AppError `model-unreadable` where a file is missing, too large, cut short or lies outside
 *   the model's folder; and what `decodeModel` throws
 */
export async function readModelFile(
  path: string,
  limits: ModelFileLimits = defaultLimits,
): Promise<ModelProto> {
  const name = basename(path);
  const size = await stat(path).then(
    (file) => file.size,
    (cause: unknown) => {
      throw unreadable(`${name} cannot be read: there is no such file`, cause);
    },
  );
  if (size > limits.modelBytesMax) {
    throw unreadable(`${name} has ${size} bytes; at most ${limits.modelBytesMax} can be read`);
  }
  const model = decodeModel(await readFile(path), name);
  return await loadExternalData(model, dirname(path), limits.externalBytesMax);
}

/**
 * Reads the data that a model keeps in other files of `folder`.
 * @throws AppError `model-unreadable`, see `readModelFile`
 */
export async function loadExternalData(
  model: ModelProto,
  folder: string,
  externalBytesMax = defaultLimits.externalBytesMax,
): Promise<ModelProto> {
  const outside: TensorProto[] = [];
  mapTensors(model, (tensor) => {
    if (tensor.dataLocation === 1) outside.push(tensor);
    return tensor;
  });
  if (outside.length === 0) return model;
  const loaded = new Map<TensorProto, TensorProto>();
  let bytesLeft = externalBytesMax;
  for (const tensor of outside) {
    const rawData = await readSegment(tensor, folder, bytesLeft);
    bytesLeft -= rawData.length;
    loaded.set(
      tensor,
      revise(tensor, { rawData, externalData: undefined, dataLocation: undefined }),
    );
  }
  return mapTensors(model, (tensor) => loaded.get(tensor) ?? tensor);
}

/**
 * Writes a model with its large tensors in a second file beside it, `<name>.data`, each at a multiple
 * of 4096 so that a runtime may map it.
 */
export async function writeModelWithExternalData(
  path: string,
  model: ModelProto,
  tensorBytesMin = 1024,
): Promise<void> {
  const location = `${basename(path)}.data`;
  const parts: Uint8Array[] = [];
  let offset = 0;
  const moved = mapTensors(model, (tensor) => {
    const { rawData } = tensor;
    if (rawData === undefined || rawData.length < tensorBytesMin) return tensor;
    const padding = (4096 - (offset % 4096)) % 4096;
    parts.push(new Uint8Array(padding), rawData);
    offset += padding + rawData.length;
    const entries = { location, offset: offset - rawData.length, length: rawData.length };
    const externalData = Object.entries(entries).map(([key, value]) => ({
      key,
      value: `${value}`,
    }));
    return revise(tensor, { rawData: undefined, externalData, dataLocation: 1 });
  });
  await writeFile(join(dirname(path), location), Buffer.concat(parts));
  await writeFile(path, encodeModel(moved));
}

async function readSegment(
  tensor: TensorProto,
  folder: string,
  bytesMax: number,
): Promise<Uint8Array> {
  const { location, offset, length } = segmentOf(tensor);
  const path = await insidePath(folder, location, tensor);
  const file = await open(path, "r");
  try {
    const info = await file.stat();
    const end = offset + length;
    if (!info.isFile()) throw unreadable(`${location}, named by the model, is no plain file`);
    if (end > info.size) {
      throw unreadable(
        `${location} is cut short: the tensor ${tensor.name} ends at byte ${end} and the file at ${info.size}`,
      );
    }
    if (length > bytesMax) {
      throw unreadable(
        `The model's external data is larger than the ${bytesMax} bytes still allowed`,
      );
    }
    const bytes = new Uint8Array(length);
    const { bytesRead } = await file.read(bytes, 0, length, offset);
    if (bytesRead !== length) throw unreadable(`${location} became shorter while it was read`);
    return bytes;
  } finally {
    await file.close();
  }
}

function segmentOf(tensor: TensorProto): { location: string; offset: number; length: number } {
  const entries = new Map(
    (tensor.externalData ?? []).map(({ key = "", value = "" }) => [key, value]),
  );
  const expected = rawBytes(tensor.dataType ?? 0, countOf((tensor.dims ?? []).map(toNumber)));
  const location = entries.get("location") ?? "";
  const offset = Number(entries.get("offset") ?? 0);
  const length = Number(entries.get("length") ?? expected);
  if (location === "" || !Number.isSafeInteger(offset) || offset < 0 || length !== expected) {
    throw unreadable(
      `The tensor ${tensor.name} of ${typeName(tensor.dataType ?? 0)} names its external data wrongly: location "${location}", offset ${offset}, length ${length} (its shape needs ${expected} bytes)`,
    );
  }
  return { location, offset, length };
}

/** Where a location leads, after links; refused unless that is inside the model's folder. */
async function insidePath(folder: string, location: string, tensor: TensorProto): Promise<string> {
  const refusal = `The model wants to read "${location}" for its tensor ${tensor.name}; external data must lie in the model's own folder`;
  const parts = location.split(/[\\/]/);
  if (isAbsolute(location) || parts.includes("..") || location.includes("\0")) {
    throw unreadable(refusal);
  }
  const root = await realpath(folder);
  const path = await realpath(join(root, location)).catch((cause: unknown) => {
    throw unreadable(
      `${location}, which holds the weights of the model, is missing; put it beside the model file`,
      cause,
    );
  });
  const way = relative(root, path);
  if (way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way)) {
    throw unreadable(refusal);
  }
  return path;
}

function unreadable(message: string, cause?: unknown): AppError {
  return new AppError({ code: "model-unreadable", message, status: 422, cause });
}
