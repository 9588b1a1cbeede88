/**
 * An ONNX Runtime session. The one home of onnxruntime-node, which is loaded with the first session
 * and not before.
 *
 * In Node a run blocks the event loop until the graph is done (the binding calls it from
 * `setImmediate`), and it reads its input only then. So a session owns its buffers and lets callers at
 * them one run at a time.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { OutputTensor } from "@fieldloop/shared/vision/decide";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { exactGraphs } from "./exact-graphs.ts";
import type { TensorInfo } from "./onnx/metadata.ts";
import type { TensorData } from "./tensor.ts";

export const providers = ["cuda", "tensorrt", "cpu"] as const;
export type Provider = (typeof providers)[number];

/** Where the model lies: a file, or its bytes. */
export type ModelSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array; readonly name: string };

export interface SessionOptions {
  readonly model: ModelSource;
  /** Tried in this order, one at a time; `cpu` is tried last even where it is not named. */
  readonly providers: readonly Provider[];
  /** Threads inside one operator. */
  readonly intraOpThreads: number;
  /** Whether memory is kept between runs; default: yes. */
  readonly arena?: boolean;
  readonly input: SessionInput;
  /** Looks at what the graph wants before anything runs; throws an AppError to refuse it. */
  readonly check?: (inputs: readonly TensorInfo[], outputs: readonly TensorInfo[]) => void;
}

/** The one input: its shape fixes what the graph leaves open; `data` is refilled for every frame. */
export interface SessionInput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** Which processor really does the work. */
export interface ProviderReport {
  readonly requested: readonly Provider[];
  /** What ran most nodes of the warm-up run: a provider, or what an engine of its own says. */
  readonly effective: string;
  /** Nodes per provider in that run; empty where no profile could be read. */
  readonly nodes: Readonly<Record<string, number>>;
  /**
   * `profile` where the warm-up run was read, `opened` where only opening it succeeded, `engine` where
   * an engine of its own said so.
   */
  readonly source: "profile" | "opened" | "engine";
  /** Providers that could not be opened, with the reason. */
  readonly refused: readonly { readonly provider: Provider; readonly reason: string }[];
}

type Runtime = typeof import("onnxruntime-node");
let loading: Promise<Runtime> | undefined;

function loadRuntime(): Promise<Runtime> {
  loading ??= import("onnxruntime-node").then((module) => {
    const runtime = module.default ?? module; // CommonJS seen from an ES module
    runtime.env.logLevel = "fatal"; // what goes wrong is thrown too, and said once
    return runtime;
  });
  return loading;
}

/**
 * Opens a model with the first provider that works.
 * @throws AppError `model-unreadable` where no provider can open it
 */
export async function openSession(options: SessionOptions): Promise<ModelSession> {
  const runtime = await loadRuntime();
  const order = providerOrder(options.providers);
  const folder = await mkdtemp(join(tmpdir(), "fieldloop-profile-")).catch(() => undefined);
  const refused: { provider: Provider; reason: string }[] = [];
  try {
    for (const provider of order) {
      try {
        const native = await create(runtime, options, provider, folder);
        return await warmUp({ runtime, native, options, provider, order, refused, folder });
      } catch (error) {
        const last = order.at(-1) === provider;
        if (last || error instanceof AppError) throw unreadable(options, error);
        refused.push({ provider, reason: messageOf(error).split("\n")[0] ?? "" });
      }
    }
    throw new Error("no provider to try"); // `providerOrder` always ends with one
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** The providers to try: each once, and the processor itself last. */
export function providerOrder(wanted: readonly Provider[]): readonly Provider[] {
  return [...new Set(wanted.filter((provider) => provider !== "cpu")), "cpu"];
}

/** An open model, wherever it runs. Runs are serial; `release` waits for those that were asked for. */
export interface ModelSession {
  readonly provider: ProviderReport;
  /**
   * Runs the model on one frame.
   * @param fill writes the input; called when it is this run's turn
   * @param read takes what it needs from the outputs, by name. Their data is overwritten by the next
   *   run; whole numbers come as floats, text is left out.
   * @throws AppError `inference-failed` or what the engine says, and whatever `fill` and `read` throw
   */
  run<Result>(
    fill: (input: TensorData) => void,
    read: (outputs: Readonly<Record<string, OutputTensor>>) => Result,
  ): Promise<Result>;
  /** Frees the model's memory; a run asked for later fails. */
  release(): Promise<void>;
}

/** An open model in this process. */
class Session implements ModelSession {
  readonly provider: ProviderReport;
  readonly #native: InferenceSession;
  readonly #data: TensorData;
  readonly #feeds: Readonly<Record<string, Tensor>>;
  /** Output tensors that are written in place, where the shape is known beforehand. */
  readonly #fetches: Readonly<Record<string, Tensor | null>>;
  #last: Promise<unknown> = Promise.resolve();
  #releasing: Promise<void> | undefined;

  /** For `openSession`, which warms the session up first. */
  constructor(parts: SessionParts) {
    this.provider = parts.provider;
    this.#native = parts.native;
    this.#data = parts.data;
    this.#feeds = parts.feeds;
    this.#fetches = parts.fetches;
  }

  run<Result>(
    fill: (input: TensorData) => void,
    read: (outputs: Readonly<Record<string, OutputTensor>>) => Result,
  ): Promise<Result> {
    const result = this.#last.then(async () => {
      fill(this.#data);
      return read(await this.#runNative());
    });
    this.#last = result.catch(() => undefined); // the caller hears of it; the next run goes on
    return result;
  }

  release(): Promise<void> {
    this.#releasing ??= this.#last.then(() => this.#native.release());
    return this.#releasing;
  }

  async #runNative(): Promise<Readonly<Record<string, OutputTensor>>> {
    try {
      return readOutputs(await this.#native.run(this.#feeds, this.#fetches), this.#fetches);
    } catch (error) {
      const [reason] = messageOf(error).split("\n");
      throw new AppError({
        code: "inference-failed",
        message: `ONNX Runtime failed to run the model: ${reason}`,
        status: 500,
        cause: error,
      });
    }
  }
}

interface SessionParts {
  readonly native: InferenceSession;
  readonly provider: ProviderReport;
  readonly data: TensorData;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly fetches: Readonly<Record<string, Tensor | null>>;
}

function create(
  runtime: Runtime,
  options: SessionOptions,
  provider: Provider,
  folder: string | undefined,
): Promise<InferenceSession> {
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: options.intraOpThreads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    enableCpuMemArena: options.arena ?? true,
    logSeverityLevel: 4,
    extra: exactGraphs,
    ...(folder === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: join(folder, provider) }),
  };
  const { model } = options;
  return model.kind === "file"
    ? runtime.InferenceSession.create(model.path, settings)
    : runtime.InferenceSession.create(model.bytes, settings);
}

interface WarmUp {
  readonly runtime: Runtime;
  readonly native: InferenceSession;
  readonly options: SessionOptions;
  readonly provider: Provider;
  readonly order: readonly Provider[];
  readonly refused: readonly { readonly provider: Provider; readonly reason: string }[];
  readonly folder: string | undefined;
}

/** Runs the graph once on an empty frame, and reads from the profile who did the work. */
async function warmUp(parts: WarmUp): Promise<Session> {
  const { runtime, native, options, provider, folder } = parts;
  try {
    options.check?.(native.inputMetadata.map(tensorInfo), native.outputMetadata.map(tensorInfo));
    const { name, data, dims } = options.input;
    const feeds = { [name]: new runtime.Tensor(data, dims) };
    const fetches = preallocate(runtime, native, options.input);
    await native.run(feeds, fetches);
    native.endProfiling();
    const nodes = folder === undefined ? {} : await readProfile(folder, provider);
    const report: ProviderReport = {
      requested: parts.order,
      effective: busiest(nodes) ?? provider,
      nodes,
      source: Object.keys(nodes).length > 0 ? "profile" : "opened",
      refused: parts.refused,
    };
    return new Session({ native, provider: report, data, feeds, fetches });
  } catch (error) {
    await native.release();
    throw error;
  }
}

/** One tensor per 32-bit float output whose shape is certain; the others are allocated per run. */
function preallocate(
  runtime: Runtime,
  native: InferenceSession,
  input: SessionOptions["input"],
): Record<string, Tensor | null> {
  const open = symbols(native, input);
  return Object.fromEntries(
    native.outputMetadata.map((info) => {
      if (!info.isTensor || info.type !== "float32") return [info.name, null];
      const dims = info.shape.map((dim) => (typeof dim === "number" ? dim : open.get(dim)));
      const certain = dims.every((dim) => dim !== undefined);
      if (!certain) return [info.name, null];
      const length = dims.reduce((product, dim) => product * dim, 1);
      return [info.name, new runtime.Tensor("float32", new Float32Array(length), dims)];
    }),
  );
}

/** What the input's shape says about dimensions the graph only names ("batch" is 1). */
function symbols(native: InferenceSession, input: SessionOptions["input"]): Map<string, number> {
  const info = native.inputMetadata.find(({ name }) => name === input.name);
  const found = new Map<string, number>();
  if (info?.isTensor !== true) return found;
  info.shape.forEach((dim, i) => {
    const value = input.dims[i];
    if (typeof dim === "string" && dim !== "" && value !== undefined) found.set(dim, value);
  });
  return found;
}

function readOutputs(
  results: InferenceSession.OnnxValueMapType,
  fetches: Readonly<Record<string, Tensor | null>>,
): Readonly<Record<string, OutputTensor>> {
  const outputs: Record<string, OutputTensor> = {};
  for (const [name, value] of Object.entries(results)) {
    const { data, dims } = fetches[name] ?? value;
    const floats = floatsOf(data);
    if (floats !== undefined) outputs[name] = { data: floats, dims };
  }
  return outputs;
}

/** Whole numbers, such as classes and counts, are copied; what is no number is left out. */
function floatsOf(data: Tensor["data"]): Float32Array | undefined {
  if (data instanceof Float32Array) return data;
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number);
  if (data instanceof Int32Array || data instanceof Uint8Array) return Float32Array.from(data);
  return undefined;
}

async function readProfile(folder: string, prefix: string): Promise<Record<string, number>> {
  const nodes: Record<string, number> = {};
  try {
    const files = await readdir(folder);
    const file = files.find((name) => name.startsWith(prefix));
    if (file === undefined) return nodes;
    const events: unknown = JSON.parse(await readFile(join(folder, file), "utf8"));
    for (const event of Array.isArray(events) ? events : []) {
      const name: unknown = event?.args?.provider;
      if (typeof name === "string") nodes[name] = (nodes[name] ?? 0) + 1;
    }
  } catch {
    return {}; // said in the report as `source: "opened"`: the model works, only the proof is missing
  }
  return nodes;
}

function busiest(nodes: Readonly<Record<string, number>>): Provider | undefined {
  const [first] = Object.entries(nodes).sort(([, a], [, b]) => b - a);
  const name = first?.[0].replace(/ExecutionProvider$/, "").toLowerCase();
  return providers.find((provider) => provider === name);
}

function tensorInfo(info: InferenceSession.ValueMetadata): TensorInfo {
  if (!info.isTensor) return { name: info.name, type: "not a tensor", shape: [] };
  return { name: info.name, type: info.type, shape: info.shape.map((dim) => dim || null) };
}

function unreadable(options: SessionOptions, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { model } = options;
  const name = model.kind === "file" ? basename(model.path) : model.name;
  const [reason = ""] = messageOf(error).split("\n");
  const said = /protobuf parsing failed|invalid protobuf/i.test(reason)
    ? "it is no ONNX model, or it is damaged or cut short"
    : reason;
  return new AppError({
    code: "model-unreadable",
    message: `${name} cannot be opened: ${said}`,
    status: 422,
    cause: error,
  });
}
