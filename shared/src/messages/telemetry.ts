/**
 * `up/tm` and `up/ev`: batches of outbox rows in columns. A column holds one value per row, all
 * columns of a table are equally long. JSON, gzip-compressed above 512 bytes; the two are told
 * apart by the first byte (`{` or 0x1f).
 */
import * as z from "zod/mini";
import { count, slug, timeMs } from "../ids.ts";
import { histogramSchema } from "../sketches/histogram.ts";

/** Bounds that agent and cloud share. */
export const batchLimits = {
  /** What an MQTT payload may weigh on the wire. */
  payloadBytesMax: 256 * 1024,
  /** What a payload may weigh after gunzip. */
  inflatedBytesMax: 2 * 1024 * 1024,
  /** Below this size compression does not pay. */
  gzipBytesMin: 512,
  rowsMax: 2000,
  skippedMax: 200,
  detectionsMax: 300,
} as const;

/** Why a single result was reported. */
export const resultReasons = ["all", "sampled", "exception", "correction"] as const;
export type ResultReason = (typeof resultReasons)[number];

/** Why a frame never became a result. */
export const dropCauses = [
  "busy",
  "stale",
  "rate",
  "still",
  "oversized",
  "quota",
  "stopping",
] as const;
export type DropCause = (typeof dropCauses)[number];

const unwanted: readonly string[] = ["rate", "still"] satisfies readonly DropCause[];

/** Whether frames left out for this cause were not wanted: above the rate, or without any motion. */
export const isUnwanted = (cause: string): boolean => unwanted.includes(cause);

/** Frames that were lost, by a count per cause: those that were not wanted are no loss. */
export function lostFrames(dropped: Readonly<Record<string, number>>): number {
  return Object.entries(dropped).reduce(
    (sum, [cause, frames]) => sum + (isUnwanted(cause) ? 0 : frames),
    0,
  );
}

/** Why a frame failed. */
export const errorCauses = ["decode", "inference", "source"] as const;
export type ErrorCause = (typeof errorCauses)[number];

export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

const name = z.string().check(z.minLength(1), z.maxLength(128));
const fraction = z.number().check(z.gte(0), z.lte(1));

/** One found thing: label, score, then the box as fractions of the frame. */
export const detectionSchema = z.object({
  label: name,
  score: fraction,
  /** x1, y1, x2, y2 */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /** Its outline where the model gives one: corners in order, the last joined to the first. */
  polygon: z.optional(
    z.array(z.tuple([z.number(), z.number()])).check(z.minLength(3), z.maxLength(64)),
  ),
});
export type Detection = z.infer<typeof detectionSchema>;

const detections = z.array(detectionSchema).check(z.maxLength(batchLimits.detectionsMax));
const counts = z.record(z.string(), count);

/** Columns of a table: the same keys, an array of each; one that older rows lack may be absent. */
type Columns<Row> = {
  readonly [K in keyof Row]:
    | readonly Exclude<Row[K], undefined>[]
    | (undefined extends Row[K] ? undefined : never);
};

const column = <T extends z.ZodMiniType>(item: T) =>
  z.array(item).check(z.maxLength(batchLimits.rowsMax));

/** Single results. `frame` is the id the source gave the frame, `at` when it was captured. */
const resultColumns = z.object({
  seq: column(count),
  at: column(timeMs),
  camera: column(slug),
  frame: column(name),
  model: column(name),
  reason: column(z.enum(resultReasons)),
  /** Top class, or `null` for a detector. */
  label: column(z.nullable(name)),
  /** Calibrated probability of the top class, or the best detection's score; 0 for none. */
  confidence: column(fraction),
  /** Capture to decision. */
  latencyMs: column(z.number().check(z.nonnegative())),
  detections: column(z.nullable(detections)),
});

/** Telemetry windows: what one camera with one model did between two instants. */
const windowColumns = z.object({
  seq: column(count),
  camera: column(slug),
  model: column(name),
  from: column(timeMs),
  to: column(timeMs),
  /** Frames taken from the source; equals results + dropped + errors, frames under way apart. */
  frames: column(count),
  results: column(count),
  dropped: column(counts),
  errors: column(counts),
  /** Results per top class, or detections per class. */
  classes: column(counts),
  /** Capture to decision, milliseconds. */
  latency: column(histogramSchema),
  /** Confidence in twenty equal bins from 0 to 1. */
  confidence: column(z.array(count).check(z.length(20))),
  /**
   * Objects, crossings and stays (`vision/tracking/tally.ts`); `null` where nothing was told. Absent
   * from agents that know none.
   */
  facts: z.optional(column(z.nullable(z.record(z.string(), z.int())))),
});

const eventColumns = z.object({
  seq: column(count),
  at: column(timeMs),
  kind: column(slug),
  severity: column(z.enum(severities)),
  message: column(z.string().check(z.maxLength(1000))),
  detail: column(z.record(z.string(), z.unknown())),
});

export type ResultRow = RowOf<z.infer<typeof resultColumns>>;
export type WindowRow = RowOf<z.infer<typeof windowColumns>>;
export type EventRow = RowOf<z.infer<typeof eventColumns>>;
type RowOf<C> = {
  readonly [K in keyof C]: C[K] extends readonly (infer V)[] | undefined ? V : never;
};

/** Sequence numbers that will never be sent, with the reason; they count as received. */
const skipped = z
  .array(z.tuple([count, count, z.string().check(z.maxLength(64))]))
  .check(z.maxLength(batchLimits.skippedMax));

const equallyLong = <T extends z.ZodMiniType<Record<string, unknown[] | undefined>>>(columns: T) =>
  columns.check(
    z.refine((table) => {
      const present = Object.values(table).filter((values) => values !== undefined);
      return new Set(present.map(({ length }) => length)).size === 1;
    }, "all columns of a table must be equally long"),
  );

/** `up/tm`. */
export const telemetryBatch = z.object({
  v: z.literal(1),
  /** Boot epoch the sequence numbers belong to. */
  epoch: z.int().check(z.positive()),
  skipped: z.optional(skipped),
  windows: z.optional(equallyLong(windowColumns)),
  results: z.optional(equallyLong(resultColumns)),
});
export type TelemetryBatch = z.infer<typeof telemetryBatch>;

/** `up/ev`. */
export const eventBatch = z.object({
  v: z.literal(1),
  epoch: z.int().check(z.positive()),
  skipped: z.optional(skipped),
  events: equallyLong(eventColumns),
});
export type EventBatch = z.infer<typeof eventBatch>;

/** Turns rows into columns; an empty list gives `undefined`, since a column set is never empty. */
export function toColumns<Row extends object>(
  rows: readonly Row[],
): { [K in keyof Row]: Exclude<Row[K], undefined>[] } | undefined {
  if (rows.length === 0) return undefined;
  // Rows are plain literals of one schema. Those of an earlier version may lack a column: JSON writes
  // what is missing as null.
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))] as (keyof Row)[];
  return Object.fromEntries(keys.map((key) => [key, rows.map((row) => row[key])])) as {
    [K in keyof Row]: Exclude<Row[K], undefined>[];
  }; // one entry per key of Row
}

/** Turns columns back into rows. */
export function toRows<Row extends object>(columns: Columns<Row> | undefined): Row[] {
  if (columns === undefined) return [];
  const keys = Object.keys(columns) as (keyof Row)[]; // the schema's own keys
  const length = keys[0] === undefined ? 0 : (columns[keys[0]]?.length ?? 0);
  return Array.from(
    { length },
    (_, i) => Object.fromEntries(keys.map((key) => [key, columns[key]?.[i]])) as Row, // one value per key
  );
}
