/** Telemetry windows: what one camera with one model did between two instants. Pure but for its state. */
import type {
  Detection,
  DropCause,
  ErrorCause,
  WindowRow,
} from "@fieldloop/shared/messages/telemetry";
import { bucketOf, type Histogram } from "@fieldloop/shared/sketches/histogram";

export const confidenceBins = 20;
/** Class names that a window counts by themselves; further ones are counted together. */
const classesMax = 1000;
const otherClass = "(other)";

/** What a window counts of one result. */
export interface CountedResult {
  readonly camera: string;
  readonly model: string;
  readonly label: string | null;
  readonly confidence: number;
  readonly latencyMs: number;
  readonly detections: readonly Detection[] | null;
}

interface Tally {
  readonly camera: string;
  readonly model: string;
  results: number;
  readonly dropped: Map<string, number>;
  readonly errors: Map<string, number>;
  readonly classes: Map<string, number>;
  /** By bucket of the histogram. */
  readonly latency: Map<number, number>;
  /** By bin. */
  readonly confidence: Map<number, number>;
  readonly facts: Map<string, number>;
}

/** Which of twenty equal bins from 0 to 1 a confidence falls in; 1 belongs to the last. */
export function confidenceBin(confidence: number): number {
  return Math.min(confidenceBins - 1, Math.max(0, Math.floor(confidence * confidenceBins)));
}

/** Adds up until it is taken. */
export class WindowAccumulator {
  readonly #tallies = new Map<string, Tally>();
  #from: number;

  constructor(from: number) {
    this.#from = from;
  }

  result(result: CountedResult): void {
    const tally = this.#tally(result.camera, result.model);
    tally.results++;
    add(tally.latency, bucketOf(result.latencyMs));
    add(tally.confidence, confidenceBin(result.confidence));
    if (result.detections !== null)
      for (const { label } of result.detections) addClass(tally.classes, label);
    else if (result.label !== null) addClass(tally.classes, result.label);
  }

  dropped(camera: string, model: string, cause: DropCause): void {
    add(this.#tally(camera, model).dropped, cause);
  }

  failed(camera: string, model: string, cause: ErrorCause): void {
    add(this.#tally(camera, model).errors, cause);
  }

  /** Counts what happened; a correction takes one back. */
  fact(camera: string, model: string, key: string, by: 1 | -1): void {
    const { facts } = this.#tally(camera, model);
    const known = facts.has(key) || facts.size < classesMax ? key : otherClass;
    facts.set(known, (facts.get(known) ?? 0) + by);
  }

  /** The finished windows, one per camera and model that did anything; starts new ones. */
  take(to: number): Omit<WindowRow, "seq">[] {
    // A clock that was set back must not give a window that ends before it began.
    const from = Math.min(this.#from, to);
    const rows = [...this.#tallies.values()].map((tally) => toRow(tally, from, to));
    this.#tallies.clear();
    this.#from = to;
    return rows;
  }

  #tally(camera: string, model: string): Tally {
    const key = `${camera}\n${model}`;
    const known = this.#tallies.get(key);
    if (known !== undefined) return known;
    const fresh: Tally = {
      camera,
      model,
      results: 0,
      dropped: new Map(),
      errors: new Map(),
      classes: new Map(),
      latency: new Map(),
      confidence: new Map(),
      facts: new Map(),
    };
    this.#tallies.set(key, fresh);
    return fresh;
  }
}

function toRow(tally: Tally, from: number, to: number): Omit<WindowRow, "seq"> {
  const dropped = sum(tally.dropped);
  const errors = sum(tally.errors);
  const latency: Histogram = [...tally.latency].sort(([a], [b]) => a - b);
  return {
    camera: tally.camera,
    model: tally.model,
    from,
    to,
    frames: tally.results + dropped + errors,
    results: tally.results,
    dropped: Object.fromEntries(tally.dropped),
    errors: Object.fromEntries(tally.errors),
    classes: Object.fromEntries(tally.classes),
    latency,
    confidence: Array.from({ length: confidenceBins }, (_, i) => tally.confidence.get(i) ?? 0),
    facts: tally.facts.size === 0 ? null : Object.fromEntries(tally.facts),
  };
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function addClass(classes: Map<string, number>, label: string): void {
  add(classes, classes.has(label) || classes.size < classesMax ? label : otherClass);
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, n) => total + n, 0);
}
