/** What goes into the outbox and how rows become a message. Pure. */
import type {
  EventBatch,
  EventRow,
  ResultRow,
  TelemetryBatch,
  WindowRow,
} from "@fieldloop/shared/messages/telemetry";
import { toColumns } from "@fieldloop/shared/messages/telemetry";

/** Events are sent first and given up last. */
export const rowClasses = ["ev", "tm"] as const;
export type RowClass = (typeof rowClasses)[number];

/** A row to report; the outbox gives it its sequence number. */
export type Report =
  | { readonly kind: "window"; readonly row: Omit<WindowRow, "seq"> }
  | { readonly kind: "result"; readonly row: Omit<ResultRow, "seq"> }
  | { readonly kind: "event"; readonly row: Omit<EventRow, "seq"> };
export type ReportKind = Report["kind"];

/** A row as it lies in the outbox. */
export interface StoredRow {
  readonly seq: number;
  readonly kind: ReportKind;
  readonly body: string;
}

/** Sequence numbers that will never be sent: first, last (included), reason. */
export type SkippedRange = readonly [first: number, last: number, reason: string];

/** Rows of one epoch and class that are being sent together. */
export interface Lease {
  readonly epoch: number;
  readonly class: RowClass;
  /** Ascending. */
  readonly seqs: readonly number[];
  readonly skipped: readonly SkippedRange[];
}

export function classOf(kind: ReportKind): RowClass {
  return kind === "event" ? "ev" : "tm";
}

/** Builds the message of one batch. All rows of an `ev` batch are events, none of a `tm` batch is. */
export function toBatch(
  lease: Pick<Lease, "epoch" | "class" | "skipped">,
  rows: readonly StoredRow[],
): TelemetryBatch | EventBatch {
  const head = {
    v: 1 as const,
    epoch: lease.epoch,
    ...(lease.skipped.length > 0 && {
      skipped: lease.skipped.map((range): [number, number, string] => [...range]),
    }),
  };
  const of = <Row extends object>(kind: ReportKind) =>
    toColumns(rows.filter((row) => row.kind === kind).map((row) => parseRow<Row>(row)));
  const events = of<EventRow>("event");
  if (events !== undefined) return { ...head, events };
  const windows = of<WindowRow>("window");
  const results = of<ResultRow>("result");
  return { ...head, ...(windows && { windows }), ...(results && { results }) };
}

function parseRow<Row>(row: StoredRow): Row {
  return { seq: row.seq, ...JSON.parse(row.body) } as Row; // written from a Row by this outbox
}
