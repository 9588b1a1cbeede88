/**
 * The cloud's half of the twin: the desired document is fetched when its version differs from the
 * one applied last, and the last one is kept on disk, so that the agent knows what it is to do before
 * it has a network.
 */
import { messageOf } from "@fieldloop/shared/errors";
import { type DesiredDocument, desiredDocument } from "@fieldloop/shared/messages/twin";
import type { Files } from "../../platform/files.ts";
import type { Log } from "../../platform/log.ts";

export interface DesiredOptions {
  readonly files: Files;
  /** Where the last document lies. */
  readonly path: string;
  /** Asks the cloud for the document. */
  readonly fetch: (signal: AbortSignal) => Promise<unknown>;
  /** Applies a document; what of it fails is reported there and never thrown. */
  readonly apply: (document: DesiredDocument) => Promise<void>;
  readonly log: Log;
  readonly random: () => number;
  /** The document is fetched this often even without a notice, with jitter. */
  readonly pollMs: number;
  /** Wait after a failure. */
  readonly retryMs: number;
}

export class Desired {
  readonly #options: DesiredOptions;
  readonly #stopping = new AbortController();
  #applied: DesiredDocument | undefined;
  #fetching: Promise<void> | undefined;
  #wantedVersion: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DesiredOptions) {
    this.#options = options;
  }

  /** Version of the document applied last; 0 for none. */
  get version(): number {
    return this.#applied?.version ?? 0;
  }

  get document(): DesiredDocument | undefined {
    return this.#applied;
  }

  /** Applies the document kept from earlier, if there is one. */
  async restore(): Promise<void> {
    const { files, path, log } = this.#options;
    const bytes = await files.read(path);
    if (bytes === undefined) return;
    try {
      this.#applied = desiredDocument.parse(JSON.parse(bytes.toString("utf8")));
    } catch (error) {
      log.warn({ path, reason: messageOf(error) }, "the kept desired document cannot be read");
      return;
    }
    await this.#options.apply(this.#applied);
  }

  /** Begins to poll. */
  start(): void {
    this.#schedule(this.#options.pollMs);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#fetching;
  }

  /** The cloud says which version it holds; fetches it where that is another one. */
  noticed(version: number): void {
    if (this.#fetching !== undefined) this.#wantedVersion = version;
    else if (version !== this.version) void this.fetch();
  }

  /** Fetches and applies, one at a time. A failure is tried again later. */
  fetch(): Promise<void> {
    this.#wantedVersion = undefined;
    this.#fetching ??= this.#fetch().then((fetched) => {
      this.#fetching = undefined;
      // A notice that came meanwhile may have spoken of a newer document.
      const wanted = this.#wantedVersion;
      if (fetched && wanted !== undefined && wanted !== this.version) void this.fetch();
    });
    return this.#fetching;
  }

  /** @returns whether a document came */
  async #fetch(): Promise<boolean> {
    const { files, path, log, pollMs, retryMs } = this.#options;
    const { signal } = this.#stopping;
    if (signal.aborted) return false;
    try {
      const document = desiredDocument.parse(await this.#options.fetch(signal));
      if (document.version !== this.version) {
        await this.#options.apply(document);
        this.#applied = document;
        await files.writeAtomic(path, JSON.stringify(document));
      }
      this.#schedule(pollMs);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      log.warn({ reason: messageOf(error) }, "cannot get the desired document");
      this.#schedule(retryMs);
      return false;
    }
  }

  #schedule(afterMs: number): void {
    clearTimeout(this.#timer);
    if (this.#stopping.signal.aborted) return;
    // Jitter of a quarter either way, so that a fleet started at once does not poll at once.
    const delayMs = afterMs * (0.75 + 0.5 * this.#options.random());
    this.#timer = setTimeout(() => void this.fetch(), delayMs);
    this.#timer.unref();
  }
}
