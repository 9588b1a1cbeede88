/** Hands samples over to the cloud, one at a time, in pieces; what has arrived is never sent again. */
import { setTimeout as sleep } from "node:timers/promises";
import { backoffMs } from "@fieldloop/shared/backoff";
import { deviceSamples } from "@fieldloop/shared/contract/samples";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import {
  type SampleAnnouncement,
  sampleLimits,
  sampleProgress,
} from "@fieldloop/shared/samples/sample";
import { requestJson } from "../../platform/http-client.ts";

/** A picture ready to leave. */
export interface Outgoing {
  readonly digest: string;
  readonly about: SampleAnnouncement;
  readonly jpeg: Uint8Array;
}

export interface UploaderOptions {
  readonly cloud: { readonly url: string; readonly credential: string };
  /** The next sample that may leave; `undefined` where there is none. */
  readonly next: () => Promise<Outgoing | undefined>;
  /** Looked at before every piece: permission that is withdrawn stops at once. */
  readonly isAllowed: () => boolean;
  readonly onSent: (outgoing: Outgoing) => Promise<void>;
  /** It will never arrive. */
  readonly onRefused: (outgoing: Outgoing, reason: string) => Promise<void>;
  /** The cloud takes nothing of this device. */
  readonly onForbidden: (reason: string) => void;
  readonly random: () => number;
  readonly backoff?: { readonly delayMsMin: number; readonly delayMsMax: number };
}

const defaultBackoff = { delayMsMin: 5000, delayMsMax: 600_000 };
const silenceMsMax = 20_000;
const replyBytesMax = 16 * 1024;
/** A picture that arrives damaged is sent again this often, then given up. */
const damagedMax = 2;

export class Uploader {
  readonly #options: UploaderOptions;
  readonly #stopping = new AbortController();
  #wake: (() => void) | undefined;
  #isForbidden = false;
  #running: Promise<void> = Promise.resolve();
  #damaged = 0;

  constructor(options: UploaderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** There is something to send, or it may be sent now. @param afresh settings have changed */
  kick(afresh = false): void {
    if (afresh) this.#isForbidden = false;
    this.#wake?.();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      const outgoing = this.#mayGo()
        ? await this.#options.next().catch(() => undefined)
        : undefined;
      if (outgoing === undefined) await this.#idle();
      else if (await this.#send(outgoing)) failures = 0;
      else if (!this.#isForbidden) await this.#wait(failures++);
    }
  }

  #mayGo(): boolean {
    return this.#options.isAllowed() && !this.#isForbidden;
  }

  /** Whether it is settled, one way or the other. */
  async #send(outgoing: Outgoing): Promise<boolean> {
    try {
      if (!(await this.#transfer(outgoing))) return false;
      this.#damaged = 0;
      await this.#options.onSent(outgoing);
      return true;
    } catch (error) {
      return await this.#failed(outgoing, error);
    }
  }

  /** @returns whether all of it has arrived; not, where permission was withdrawn on the way */
  async #transfer({ digest, about, jpeg }: Outgoing): Promise<boolean> {
    const { announce, piece } = deviceSamples;
    const path = announce.path.replace(":digest", digest);
    let progress = await this.#ask("PUT", path, JSON.stringify(about));
    while (!progress.complete) {
      if (!this.#mayGo() || this.#stopping.signal.aborted) return false;
      const { offset } = progress;
      if (offset >= jpeg.length)
        throw misled(`it asks for bytes after ${offset} of ${jpeg.length}`);
      const bytes = jpeg.subarray(offset, offset + sampleLimits.pieceBytesMax);
      const where = `${piece.path.replace(":digest", digest)}?offset=${offset}`;
      const next = await this.#ask("PATCH", where, bytes);
      if (!next.complete && next.offset <= offset) throw misled("it does not go forward");
      progress = next;
    }
    return true;
  }

  async #ask(method: "PUT" | "PATCH", path: string, body: string | Uint8Array) {
    const { url, credential } = this.#options.cloud;
    const answer = await requestJson(
      {
        method,
        url: `${url}${path}`,
        headers: {
          authorization: `Bearer ${credential}`,
          "content-type": method === "PUT" ? "application/json" : "application/octet-stream",
        },
        body,
        timeoutMs: silenceMsMax,
        signal: this.#stopping.signal,
      },
      replyBytesMax,
    );
    const read = sampleProgress.safeParse(answer);
    if (read.success) return read.data;
    throw misled("its answer is no progress");
  }

  async #failed(outgoing: Outgoing, error: unknown): Promise<boolean> {
    const { onForbidden, onRefused } = this.#options;
    const status = error instanceof AppError ? error.status : undefined;
    const reason = messageOf(error);
    if (status === 403) {
      this.#isForbidden = true;
      onForbidden(reason);
      return false;
    }
    // A wrong offset is asked for anew; what arrived damaged begins again.
    if (status !== 400 && status !== 413 && status !== 422) return false;
    this.#damaged = status === 422 ? this.#damaged + 1 : damagedMax;
    if (this.#damaged < damagedMax) return false;
    this.#damaged = 0;
    await onRefused(outgoing, reason);
    return true;
  }

  /** Until somebody kicks, or now and then: yesterday's quota is not today's. */
  #idle(): Promise<void> {
    return this.#pause(600_000);
  }

  #wait(failures: number): Promise<void> {
    const { backoff = defaultBackoff, random } = this.#options;
    return this.#pause(backoffMs(failures, backoff, random()));
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const waiting = new AbortController();
    await Promise.race([
      sleep(ms, undefined, { signal: AbortSignal.any([signal, waiting.signal]) }),
      new Promise<void>((resolve) => {
        this.#wake = resolve;
      }),
    ]).catch(() => undefined);
    waiting.abort();
    this.#wake = undefined;
  }
}

function misled(what: string): AppError {
  return new AppError({
    code: "cloud-answer",
    message: `the cloud misleads about a sample: ${what}`,
    retryable: true,
  });
}
