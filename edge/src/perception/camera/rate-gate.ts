/** Lets through at most so many frames a second, evenly, for sources that send more than is wanted. */
export class RateGate {
  readonly #periodMs: number;
  #due = Number.NEGATIVE_INFINITY;

  /** @param fps frames a second; `undefined` lets all through */
  constructor(fps: number | undefined) {
    this.#periodMs = fps === undefined ? 0 : 1000 / fps;
  }

  /** @param atMs time of a frame on a monotonic clock */
  passes(atMs: number): boolean {
    if (atMs < this.#due) return false;
    // On the grid while frames keep coming, from now on after a gap.
    this.#due = Math.max(this.#due + this.#periodMs, atMs + this.#periodMs / 2);
    return true;
  }
}
