/** Notices when a source falls silent. */

export interface SilenceAlarmOptions {
  /** Longest silence between frames. */
  readonly silenceMsMax: number;
  /** Longest time to the first frame. */
  readonly startMsMax: number;
  /** Called once, with how long it was silent. */
  readonly onSilence: (ms: number) => void;
}

export class SilenceAlarm {
  readonly #options: SilenceAlarmOptions;
  #timer: NodeJS.Timeout | undefined;
  #heard = false;
  #held = 0;

  constructor(options: SilenceAlarmOptions) {
    this.#options = options;
    this.#arm();
  }

  /** There was something. */
  heard(): void {
    this.#heard = true;
    this.#arm();
  }

  /** While a frame waits for room, the silence is the queue's and not the camera's. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#held++;
    try {
      return await work();
    } finally {
      this.#held--;
      this.heard();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#held = Number.POSITIVE_INFINITY; // nothing arms it again
  }

  #arm(): void {
    const ms = this.#heard ? this.#options.silenceMsMax : this.#options.startMsMax;
    clearTimeout(this.#timer);
    if (this.#held > 0) return;
    this.#timer = setTimeout(() => {
      this.stop();
      this.#options.onSilence(ms);
    }, ms);
  }
}
