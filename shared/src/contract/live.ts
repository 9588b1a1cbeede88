/**
 * The live stream: server-sent events on `GET /api/v1/live`. Each event's `data` is one of these as
 * JSON; `id` grows, and `Last-Event-ID` resumes. The server keeps the newest per thing and sends at
 * most four changes a second for each. Every five seconds an event named `ping` shows that the stream
 * lives.
 */
import * as z from "zod/mini";
import { slug, timeMs } from "../ids.ts";
import { compilation } from "./compilation.ts";
import { deviceSummary, eventRecord, resultRecord, seriesPoint } from "./devices.ts";
import { endpoint } from "./endpoint.ts";

export const liveEvent = z.discriminatedUnion("kind", [
  /** A device changed; `device` replaces what the page has. */
  z.object({ kind: z.literal("device"), device: deviceSummary }),
  z.object({ kind: z.literal("device-removed"), id: slug }),
  /** A telemetry window arrived. */
  z.object({ kind: z.literal("window"), device: slug, point: seriesPoint }),
  z.object({ kind: z.literal("result"), result: resultRecord }),
  z.object({ kind: z.literal("event"), event: eventRecord }),
  /** A new live frame can be fetched; `result` is drawn on it. */
  z.object({
    kind: z.literal("frame"),
    device: slug,
    at: timeMs,
    result: z.record(z.string(), z.unknown()),
  }),
  /** Versions or aliases of a model changed. */
  z.object({ kind: z.literal("model"), name: slug }),
  /** A compilation was asked for, moved on or ended; it replaces what the page has. */
  z.object({ kind: z.literal("compilation"), compilation }),
  /** The server cannot tell what was missed: fetch everything again. */
  z.object({ kind: z.literal("resync") }),
]);
export type LiveEvent = z.infer<typeof liveEvent>;

export const live = {
  stream: endpoint({
    method: "GET",
    path: "/api/v1/live",
    summary:
      "Server-sent events; `device` limits results, windows, events and frames to one device",
    access: "devices:read",
    query: z.object({ device: z.optional(slug) }),
    reply: z.unknown(),
    rawReply: "text/event-stream",
  }),
};
