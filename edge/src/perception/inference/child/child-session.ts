/**
 * A model in a program of its own, for accelerators that ONNX Runtime for Node cannot drive. The
 * program may crash or hang: it is started again, and the frames in between fail. They are never
 * answered with nothing seen.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { OutputTensor } from "@fieldloop/shared/vision/decide";
import type { ModelSession, ProviderReport, SessionOptions } from "@fieldloop/shared-node/session";
import type { TensorData } from "@fieldloop/shared-node/tensor";
import type { Log } from "../../../platform/log.ts";
import {
  defaultSupervisionLimits,
  ended,
  noLives,
  type SupervisionLimits,
  started,
} from "../../../platform/supervision.ts";
import { type Answer, EngineProcess } from "./engine-process.ts";
import type { ProcessEngineSettings } from "./settings.ts";

export interface ChildSessionOptions {
  readonly settings: ProcessEngineSettings;
  readonly log: Log;
  readonly limits?: SupervisionLimits;
  readonly random?: () => number;
}

/** A running engine with the model open. */
interface Life {
  readonly engine: EngineProcess;
  readonly opened: Answer<"opened">["head"];
}

/**
 * Starts the engine and opens the model, once; what fails here is thrown. Later it is started again.
 * @throws AppError of the start, of the engine, or of `options.check`
 */
export async function openChildSession(
  options: SessionOptions,
  child: ChildSessionOptions,
): Promise<ModelSession> {
  const model = await fileOf(options);
  try {
    const asked = { ...options, path: model.path };
    const life = await begin(asked, child.settings);
    try {
      const { name, dims, data } = options.input;
      const type = data instanceof Uint8Array ? "uint8" : "float32";
      const outputs = life.opened.outputs.map((output) => {
        return { name: output.name, type: "float32", shape: output.dims };
      });
      options.check?.([{ name, type, shape: dims }], outputs);
    } catch (error) {
      await life.engine.close();
      throw error;
    }
    return new ChildSession(asked, child, life, model.remove);
  } catch (error) {
    await model.remove();
    throw error;
  }
}

class ChildSession implements ModelSession {
  readonly provider: ProviderReport;
  readonly #model: SessionOptions & { readonly path: string };
  readonly #options: ChildSessionOptions;
  readonly #removeFile: () => Promise<void>;
  readonly #released = new AbortController();
  readonly #living: Promise<void>;
  /** The engine once it is ready; a new promise after each end. */
  #ready: Promise<Life>;
  #reason: AppError | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #worked = false;

  constructor(
    model: SessionOptions & { readonly path: string },
    options: ChildSessionOptions,
    life: Life,
    removeFile: () => Promise<void>,
  ) {
    this.#model = model;
    this.#options = options;
    this.#removeFile = removeFile;
    const requested = [...model.providers];
    const effective = `${life.engine.name}/${life.opened.provider}`;
    this.provider = { requested, effective, nodes: {}, source: "engine", refused: [] };
    this.#ready = Promise.resolve(life);
    this.#living = this.#live(life);
  }

  run<Result>(
    fill: (input: TensorData) => void,
    read: (outputs: Readonly<Record<string, OutputTensor>>) => Result,
  ): Promise<Result> {
    const result = this.#last.then(async () => {
      const { engine } = await this.#whenReady();
      const { data } = this.#model.input;
      fill(data);
      const payload = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const { runMsMax } = this.#options.settings;
      const answer = await engine.ask("result", { type: "run" }, payload, runMsMax);
      const outputs = outputsOf(answer);
      this.#worked = true;
      return read(outputs);
    });
    this.#last = result.catch(() => undefined); // the caller hears of it; the next run goes on
    return result;
  }

  async release(): Promise<void> {
    this.#released.abort();
    await this.#last;
    await this.#living;
    await this.#removeFile();
  }

  /** A frame waits for an engine that is being started as long as it would wait for an answer. */
  async #whenReady(): Promise<Life> {
    const { signal } = this.#released;
    if (signal.aborted) throw released();
    const waited = new AbortController();
    const { runMsMax } = this.#options.settings;
    const late = sleep(runMsMax, undefined, { signal: waited.signal }).then(() => {
      throw this.#down();
    });
    try {
      return await Promise.race([this.#ready, late]);
    } finally {
      waited.abort();
      late.catch(() => undefined);
    }
  }

  #down(): AppError {
    const why = this.#reason?.message ?? "it is being started";
    return new AppError({
      code: "engine-down",
      message: `no engine runs the model: ${why}`,
      retryable: true,
      status: 503,
    });
  }

  async #live(first: Life): Promise<void> {
    const { limits = defaultSupervisionLimits, random = Math.random, log } = this.#options;
    const { signal } = this.#released;
    let lives = started(noLives, performance.now());
    let life: Life | undefined = first;
    while (!signal.aborted) {
      if (life !== undefined) await this.#untilOver(life);
      if (signal.aborted) return;
      const waiting = this.#expect();
      const next = ended(lives, this.#worked, performance.now(), limits, random());
      this.#worked = false;
      log.warn({ reason: this.#reason?.message, againInMs: next.delayMs }, "the engine has ended");
      await sleep(next.delayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) waiting.reject(released());
      else {
        lives = started(next.lives, performance.now());
        life = await this.#again(waiting.resolve);
      }
    }
  }

  /** From now on runs wait for the next life. */
  #expect(): { readonly resolve: (life: Life) => void; readonly reject: (error: Error) => void } {
    let settle: { resolve: (life: Life) => void; reject: (error: Error) => void } | undefined;
    this.#ready = new Promise<Life>((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.#ready.catch(() => undefined); // those who wait hear of it
    if (settle === undefined) throw new Error("a promise runs its executor at once");
    return settle;
  }

  async #again(ready: (life: Life) => void): Promise<Life | undefined> {
    try {
      const life = await begin(this.#model, this.#options.settings);
      ready(life);
      return life;
    } catch (error) {
      this.#reason = asAppError(error);
      return undefined;
    }
  }

  /** Until the engine ends by itself, or the session is released and the last run is done. */
  async #untilOver({ engine }: Life): Promise<void> {
    const { signal } = this.#released;
    const asked = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const reason = await Promise.race([engine.ended, asked]);
    if (signal.aborted) {
      await this.#last;
      await engine.close();
    } else if (reason instanceof AppError) this.#reason = reason;
  }
}

async function begin(
  model: SessionOptions & { readonly path: string },
  settings: ProcessEngineSettings,
): Promise<Life> {
  const engine = await EngineProcess.start(settings);
  const { name, dims, data } = model.input;
  const type = data instanceof Uint8Array ? "uint8" : "float32";
  const { providers, intraOpThreads: threads, path } = model;
  const question = { type: "open", path, input: { name, dims, type }, providers, threads };
  try {
    const answer = await engine.ask("opened", question, new Uint8Array(0), settings.startMsMax);
    return { engine, opened: answer.head };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function outputsOf({ head, payload }: Answer<"result">): Record<string, OutputTensor> {
  const lengths = head.outputs.map(({ dims }) => dims.reduce((product, dim) => product * dim, 1));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total * Float32Array.BYTES_PER_ELEMENT !== payload.byteLength) {
    throw new AppError({
      code: "engine-protocol",
      message: `the engine's outputs take ${4 * total} bytes by their shapes, and it sent ${payload.byteLength}`,
      retryable: true,
    });
  }
  let from = 0;
  return Object.fromEntries(
    head.outputs.map(({ name, dims }, i) => {
      const data = new Float32Array(payload.buffer, 4 * from, lengths[i]);
      from += lengths[i] ?? 0;
      return [name, { data, dims }];
    }),
  );
}

/** A file that the engine can open. Bytes get one that nobody else can read. */
async function fileOf({ model }: SessionOptions) {
  if (model.kind === "file") return { path: model.path, remove: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), "fieldloop-engine-"));
  const path = join(folder, basename(model.name));
  await writeFile(path, model.bytes, { mode: 0o600 });
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
}

function released(): AppError {
  return new AppError({ code: "engine-down", message: "the model has been closed", status: 503 });
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError({ code: "engine-crashed", message: messageOf(error), cause: error });
}
