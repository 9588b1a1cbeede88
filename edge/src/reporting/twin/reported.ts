/** The device's half of the twin: published on `up/state` on every change and once a minute. */
import { messageOf } from "@fieldloop/shared/errors";
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import type { Log } from "../../platform/log.ts";

export interface ReportedOptions {
  /** Collects the state as it is now. */
  readonly collect: () => Promise<ReportedState>;
  readonly publish: (state: ReportedState) => Promise<void>;
  readonly log: Log;
  readonly periodMs: number;
  /** Changes this close together are reported once. */
  readonly settleMs: number;
}

export class Reported {
  readonly #options: ReportedOptions;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ReportedOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.send(), this.#options.periodMs);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
  }

  /** Something of the state has changed. */
  changed(): void {
    if (this.#stopped) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.send();
    }, this.#options.settleMs);
  }

  /** Publishes the state now; without a connection nothing happens, the next one reports anew. */
  send(): Promise<void> {
    this.#sending = this.#sending.then(async () => {
      try {
        await this.#options.publish(await this.#options.collect());
      } catch (error) {
        this.#options.log.debug({ reason: messageOf(error) }, "the state was not reported");
      }
    });
    return this.#sending;
  }
}
