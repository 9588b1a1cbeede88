/**
 * Measurements that the cloud asks for: fetched when the device comes on line and when a command
 * says so, done one after another, handed in.
 *
 *   {folder}/starts.json   how often each open one has been begun
 *   {folder}/work          manifest and files of the one under way, removed when it ends
 *
 * After every run as long a pause is made as the run took: whatever the cameras bring waits for one
 * run at most, and half the time is theirs.
 *
 * A measurement that a stop or a power cut ends is done again; one that ends the agent is given up
 * after a few starts, and its order says so.
 */
import { freemem } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { backoffMs } from "@fieldloop/shared/backoff";
import {
  type BenchmarkFigures,
  type BenchmarkOrder,
  benchmarks,
} from "@fieldloop/shared/contract/benchmarks";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import {
  type ModelManifest,
  type ModelVariant,
  modelManifest,
} from "@fieldloop/shared/manifest/model";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";
import { fittingVariants, measureVariants } from "@fieldloop/shared-node/measure-variants";
import { readProcessorName } from "@fieldloop/shared-node/processor";
import * as z from "zod/mini";
import type { Files } from "../../platform/files.ts";
import { requestJson } from "../../platform/http-client.ts";
import type { Log } from "../../platform/log.ts";
import type { Vitals } from "../health/vitals.ts";
import { downloadBlob } from "../models/download.ts";

export interface BenchmarksOptions {
  readonly files: Files;
  readonly folder: string;
  readonly profile: DeviceProfile;
  readonly threads: number;
  readonly cloud: { readonly url: string; readonly credential: string };
  /** Where a blob is fetched from. */
  readonly urlOf: (digest: string) => string;
  readonly vitals: () => Promise<Pick<Vitals, "rssBytes" | "temperatureC" | "diskFreeBytes">>;
  readonly random: () => number;
  readonly log: Log;
  /** For tests. Default: the free memory of this computer. */
  readonly memoryFreeBytes?: () => number;
}

/** Starts of one measurement. */
const startsMax = 3;
const retry = { delayMsMin: 5000, delayMsMax: 300_000 };
const timeoutMs = 30_000;
const answerBytesMax = 256 * 1024;
const manifestBytesMax = 1024 * 1024;
/** What is left to others, of disk and of memory. */
const spareBytes = 64 * 2 ** 20;
/** Weights as read, as packed for the kernels, and the activations. */
const copiesInMemory = 3;

const startsSchema = z.record(z.string(), z.int().check(z.gte(0)));
const ordersSchema = benchmarks.orders.reply;

type End =
  | { readonly kind: "done"; readonly figures: BenchmarkFigures }
  | { readonly kind: "failed"; readonly error: string };

export class Benchmarks {
  readonly #options: BenchmarksOptions;
  readonly #stopping = new AbortController();
  #work: Promise<void> | undefined;
  #again = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BenchmarksOptions) {
    this.#options = options;
  }

  /** Looks whether the cloud asks for anything; never throws. */
  look(): void {
    if (this.#stopping.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#again = true;
    this.#work ??= this.#workOff().finally(() => {
      this.#work = undefined;
      if (this.#again) this.look();
    });
  }

  /** Settles when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  async stop(): Promise<void> {
    this.#again = false;
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.idle();
  }

  async #workOff(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        const { items } = ordersSchema.parse(await this.#ask(benchmarks.orders.path, "GET"));
        await this.#keepStarts(items);
        for (const order of items) await this.#do(order);
        this.#failures = 0;
      }
    } catch (error) {
      this.#again = false;
      if (this.#stopping.signal.aborted) return;
      this.#options.log.warn({ reason: messageOf(error) }, "measurements wait");
      const waitMs = backoffMs(this.#failures++, retry, this.#options.random());
      this.#timer = setTimeout(() => this.look(), waitMs);
    }
  }

  async #do(order: BenchmarkOrder): Promise<void> {
    const { log, files } = this.#options;
    const starts = await this.#starts();
    const begun = starts[order.id] ?? 0;
    await this.#saveStarts({ ...starts, [order.id]: begun + 1 });
    try {
      const end = begun < startsMax ? await this.#measure(order) : tooOften(begun);
      await this.#finish(order.id, end);
      log.info({ benchmark: order.id, end: end.kind }, "a measurement has ended");
    } catch (error) {
      if (this.#isInnocent(error)) await this.#saveStarts({ ...starts, [order.id]: begun });
      throw error;
    } finally {
      await files.remove(this.#path("work"));
    }
  }

  /** @throws AppError retryable, and whatever a stop throws; everything else is an end */
  async #measure(order: BenchmarkOrder): Promise<End> {
    try {
      return { kind: "done", figures: await this.#figures(order) };
    } catch (error) {
      if (this.#isInnocent(error)) throw error;
      return { kind: "failed", error: messageOf(error).slice(0, 1000) };
    }
  }

  /** A stop, or a cloud that is away, is not the measurement's fault. */
  #isInnocent(error: unknown): boolean {
    return this.#stopping.signal.aborted || (error instanceof AppError && error.retryable);
  }

  async #figures({ manifest: digest, manifestBytes, pairs }: BenchmarkOrder) {
    const { profile, threads, vitals } = this.#options;
    const manifest = await this.#fetchManifest(digest, manifestBytes);
    const { variants, passedOver } = fittingVariants(manifest, [
      ...profile.features,
      ...profile.providers,
    ]);
    await this.#requireRoom(variants);
    for (const { digest, bytes } of variants) await this.#fetch({ digest, bytes }, digest);
    const measured = await measureVariants({
      manifest,
      variants,
      pathOf: (variant) => this.#path("work", variant.digest),
      pairs,
      run: { providers: profile.providers, intraOpThreads: threads },
      between: (tookMs) => delay(Math.max(1, tookMs), undefined, { signal: this.#stopping.signal }),
    });
    const { rssBytes, temperatureC } = await vitals();
    const processor = await readProcessorName();
    const features = [...profile.features];
    return { processor, features, threads, rssBytes, temperatureC, variants: measured, passedOver };
  }

  async #fetchManifest(digest: string, bytes: number): Promise<ModelManifest> {
    if (bytes > manifestBytesMax)
      throw new AppError({
        code: "bad-manifest",
        message: `the manifest has ${bytes} bytes; at most ${manifestBytesMax} are read here`,
      });
    await this.#fetch({ digest, bytes }, "manifest.json");
    const text = await this.#options.files.read(this.#path("work", "manifest.json"));
    const parsed = modelManifest.safeParse(JSON.parse(text?.toString("utf8") ?? "null"));
    if (parsed.success) return parsed.data;
    throw new AppError({
      code: "bad-manifest",
      message: "this agent cannot read the version's manifest; update the agent",
    });
  }

  /** Two files are open at once, beside the one that the cameras use. */
  async #requireRoom(variants: readonly ModelVariant[]): Promise<void> {
    const { vitals, memoryFreeBytes = freemem } = this.#options;
    const sizes = variants.map(({ bytes }) => bytes);
    const disk = sizes.reduce((sum, bytes) => sum + bytes, 0) + spareBytes;
    const { diskFreeBytes } = await vitals();
    if (diskFreeBytes !== null && diskFreeBytes < disk) throw noRoom("disk", disk, diskFreeBytes);
    const memory = 2 * copiesInMemory * Math.max(...sizes) + spareBytes;
    const free = memoryFreeBytes();
    if (free < memory) throw noRoom("memory", memory, free);
  }

  async #fetch(blob: { digest: string; bytes: number }, name: string): Promise<void> {
    const { files, cloud, urlOf } = this.#options;
    const outcome = await downloadBlob({
      ...{ files, blob, timeoutMs, credential: cloud.credential },
      url: urlOf(blob.digest),
      path: this.#path("work", name),
      signal: this.#stopping.signal,
      onBytes: () => undefined,
    });
    if (outcome.kind === "corrupt")
      throw new AppError({ code: "download-corrupt", message: outcome.reason, retryable: true });
  }

  async #finish(id: string, end: End): Promise<void> {
    const { method, path } = benchmarks.finish;
    await this.#ask(path.replace(":id", encodeURIComponent(id)), method, end);
    const { [id]: _, ...others } = await this.#starts();
    await this.#saveStarts(others);
  }

  #ask(path: string, method: "GET" | "PUT", body?: object): Promise<unknown> {
    const { url, credential } = this.#options.cloud;
    const request = {
      ...{ method, timeoutMs, signal: this.#stopping.signal, url: `${url}${path}` },
      headers: {
        authorization: `Bearer ${credential}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    return requestJson(request, answerBytesMax);
  }

  /** What is no longer asked for needs no count. */
  async #keepStarts(orders: readonly BenchmarkOrder[]): Promise<void> {
    const open = new Set(orders.map(({ id }) => id));
    const starts = Object.entries(await this.#starts());
    const kept = starts.filter(([id]) => open.has(id));
    if (kept.length < starts.length) await this.#saveStarts(Object.fromEntries(kept));
  }

  async #starts(): Promise<Readonly<Record<string, number>>> {
    const text = await this.#options.files.read(this.#path("starts.json"));
    if (text === undefined) return {};
    try {
      return startsSchema.parse(JSON.parse(text.toString("utf8")));
    } catch {
      return {}; // a damaged count is begun anew; it only bounds
    }
  }

  #saveStarts(starts: Readonly<Record<string, number>>): Promise<void> {
    return this.#options.files.writeAtomic(this.#path("starts.json"), JSON.stringify(starts));
  }

  #path(...names: string[]): string {
    return join(this.#options.folder, ...names);
  }
}

function tooOften(begun: number): End {
  return {
    kind: "failed",
    error: `the agent ended ${begun} times while it measured and does not try again; it may need more memory than this board has`,
  };
}

function noRoom(what: "disk" | "memory", needed: number, free: number): AppError {
  const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  return new AppError({
    code: "no-room",
    message: `measuring needs ${mb(needed)} of ${what} and ${mb(free)} are free; measure smaller files, or on a larger board`,
  });
}
