/**
 * Whether more frames come than the pipeline can take, measured and not configured: the mean time
 * between two frames of a camera against the mean time between two results while others waited, which
 * is what one frame takes, the share of the other cameras included.
 */

/** Weight of a new time in the means. */
const learning = 0.1;
/** Load above which there are too many frames, and below which no more. */
const enter = 1.03;
const leave = 0.95;
/** What a frame takes at most where none waited, as a share of the time between two. */
const slack = 0.8;
/** A longer pause says nothing about the rate. */
const pauseMs = 10_000;

export class LoadMeter {
  #arrivedMs: number | undefined;
  /** When the last frame was finished, where others waited then. */
  #busySinceMs: number | undefined;
  #betweenFramesMs: number | undefined;
  #perFrameMs: number | undefined;
  #isOverloaded = false;

  /** Frames that come by frames that can be taken; `null` before both are known. */
  get load(): number | null {
    return this.#betweenFramesMs === undefined || this.#perFrameMs === undefined
      ? null
      : this.#perFrameMs / Math.max(1e-3, this.#betweenFramesMs);
  }

  get isOverloaded(): boolean {
    return this.#isOverloaded;
  }

  /** A frame has come. @param atMs monotonic */
  arrived(atMs: number): void {
    const tookMs = atMs - (this.#arrivedMs ?? Number.NEGATIVE_INFINITY);
    this.#arrivedMs = atMs;
    if (tookMs > pauseMs) return;
    this.#betweenFramesMs = learned(this.#betweenFramesMs, tookMs);
    this.#judge();
  }

  /**
   * A frame has been finished.
   * @param backlog whether another of this camera waits
   * @param atMs monotonic
   */
  finished(backlog: boolean, atMs: number): void {
    // Only between two that both left others waiting was there no idle time.
    const since = this.#busySinceMs;
    this.#busySinceMs = backlog ? atMs : undefined;
    if (backlog && since !== undefined) {
      this.#perFrameMs = learned(this.#perFrameMs, atMs - since);
    } else if (!backlog && this.#perFrameMs !== undefined && this.#betweenFramesMs !== undefined) {
      // Nobody waited, so a frame takes less time than there is between two.
      const mostMs = Math.min(this.#perFrameMs, slack * this.#betweenFramesMs);
      this.#perFrameMs = learned(this.#perFrameMs, mostMs);
    }
    this.#judge();
  }

  #judge(): void {
    const { load } = this;
    if (load === null) return;
    if (load > enter) this.#isOverloaded = true;
    else if (load < leave) this.#isOverloaded = false;
  }
}

function learned(mean: number | undefined, value: number): number {
  return mean === undefined ? value : (1 - learning) * mean + learning * value;
}
