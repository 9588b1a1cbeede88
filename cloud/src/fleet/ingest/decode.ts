import { AppError } from "@fieldloop/shared/errors";
import {
  type LabelsMessage,
  labelsMessage,
  type OnlineMessage,
  type OtaMessage,
  onlineMessage,
  otaMessage,
} from "@fieldloop/shared/messages/control";
import {
  batchLimits,
  type EventBatch,
  type EventRow,
  eventBatch,
  type ResultRow,
  type TelemetryBatch,
  telemetryBatch,
  toRows,
  type WindowRow,
} from "@fieldloop/shared/messages/telemetry";
import { type ReportedState, reportedState } from "@fieldloop/shared/messages/twin";
import type { UpChannel } from "@fieldloop/shared/topics";
import { decodePayload } from "@fieldloop/shared-node/wire/payload";
import type * as z from "zod/mini";
import type { SeqRange } from "./cursor.ts";

/** Numbered rows of one epoch, in rows again. */
export interface Batch {
  readonly epoch: number;
  readonly skipped: readonly SeqRange[];
  readonly windows: readonly WindowRow[];
  readonly results: readonly ResultRow[];
  readonly events: readonly EventRow[];
}

/** What a message says, or why it is not taken. */
export type Decoded =
  | { readonly kind: "batch"; readonly batch: Batch }
  | { readonly kind: "online"; readonly message: OnlineMessage }
  | { readonly kind: "state"; readonly message: ReportedState }
  | { readonly kind: "ota"; readonly message: OtaMessage }
  | { readonly kind: "labels"; readonly message: LabelsMessage }
  | { readonly kind: "refused"; readonly reason: string };

/** A higher boot epoch would leave the device nowhere to step to. */
const epochMax = 2 ** 48;

/** Reads and validates a message; everything that is not exactly right comes back as `refused`. */
export async function decodeMessage(channel: UpChannel, payload: Buffer): Promise<Decoded> {
  try {
    const value = await decodePayload(payload, batchLimits);
    const unstorable = findUnstorable(value);
    return unstorable === undefined ? parse(channel, value) : refused(unstorable);
  } catch (error) {
    if (error instanceof AppError) return refused(error.message);
    throw error;
  }
}

function refused(reason: string): Decoded {
  return { kind: "refused", reason };
}

function parse(channel: UpChannel, value: unknown): Decoded {
  switch (channel) {
    case "tm":
      return check(telemetryBatch, value, (batch) => toBatch(batch));
    case "ev":
      return check(eventBatch, value, (batch) => toBatch(batch));
    case "online":
      return check(onlineMessage, value, (message) => ({ kind: "online", message }));
    case "state":
      return check(reportedState, value, (message) => ({ kind: "state", message }));
    case "ota":
      return check(otaMessage, value, (message) => ({ kind: "ota", message }));
    case "labels":
      return check(labelsMessage, value, (message) => ({ kind: "labels", message }));
  }
}

function check<S extends z.ZodMiniType>(
  schema: S,
  value: unknown,
  then: (message: z.output<S>) => Decoded,
): Decoded {
  const parsed = schema.safeParse(value);
  if (parsed.success) return then(parsed.data);
  const [first] = parsed.error.issues;
  const more =
    parsed.error.issues.length > 1 ? ` (and ${parsed.error.issues.length - 1} more)` : "";
  const path = first?.path.join(".") || "the message";
  return refused(`${path}: ${first?.message ?? "does not fit the schema"}${more}`);
}

function toBatch(message: TelemetryBatch | EventBatch): Decoded {
  const windows = "windows" in message ? toRows<WindowRow>(message.windows) : [];
  const results = "results" in message ? toRows<ResultRow>(message.results) : [];
  const events = "events" in message ? toRows<EventRow>(message.events) : [];
  const skipped = (message.skipped ?? []).map(([from, to]): SeqRange => [from, to]);
  if (message.epoch > epochMax) return refused(`epoch: at most ${epochMax} is allowed`);
  if ([...windows, ...results, ...events].some((row) => row.seq < 1))
    return refused("seq: sequence numbers begin at 1");
  if (skipped.some(([from, to]) => to < from || from < 1))
    return refused("skipped: a range begins at 1 or later and does not end before it begins");
  return { kind: "batch", batch: { epoch: message.epoch, skipped, windows, results, events } };
}

/** Half of a surrogate pair, or U+0000: PostgreSQL stores neither. */
const unstorableText = /\0|\p{Surrogate}/u;
/** Deeper nesting is nothing a device says, and JSON writers recurse. */
const depthMax = 16;

interface Visit {
  readonly item: unknown;
  readonly path: string;
  readonly depth: number;
}

/** Looks for what the database cannot hold, and for keys that are a trap to whoever copies them. */
function findUnstorable(value: unknown): string | undefined {
  const stack: Visit[] = [{ item: value, path: "the message", depth: 0 }];
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { item, path, depth } = visit;
    if (typeof item === "string" && unstorableText.test(item))
      return `${path}: text holds U+0000 or half of a surrogate pair`;
    if (typeof item !== "object" || item === null) continue;
    if (depth >= depthMax) return `${path}: is nested more than ${depthMax} deep`;
    const named = !Array.isArray(item);
    for (const [key, one] of Object.entries(item)) {
      if (named && (key === "__proto__" || unstorableText.test(key)))
        return `${path}: holds a key that is not allowed`;
      stack.push({ item: one, path: named && depth < 2 ? key : path, depth: depth + 1 });
    }
  }
  return undefined;
}
