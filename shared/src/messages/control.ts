/** The small messages around telemetry: birth and will, acknowledgement, notice, update progress. */
import * as z from "zod/mini";
import { count, sha256, slug, timeMs } from "../ids.ts";

/** `up/online`, retained: birth when connected, last will when not. */
export const onlineMessage = z.object({
  v: z.literal(1),
  online: z.boolean(),
  /** Random id of the agent's process; a will of an earlier one is ignored. */
  boot: z.string().check(z.minLength(1), z.maxLength(64)),
  /** Epoch the agent is about to use. */
  epoch: z.int().check(z.positive()),
  at: timeMs,
  agentVersion: z.string().check(z.maxLength(64)),
});
export type OnlineMessage = z.infer<typeof onlineMessage>;

/** `dn/ack`: what the cloud has committed of one epoch. */
export const ackMessage = z.object({
  v: z.literal(1),
  epoch: count,
  /** Every sequence number up to and including this one is stored (or skipped); 0 means none. */
  upTo: count,
  /** Further stored ranges beyond `upTo`, ascending and disjoint, ends included. */
  beyond: z.array(z.tuple([count, count])).check(z.maxLength(1000)),
  /** How many batches may be under way unacknowledged; 0 asks for a pause. */
  window: z.int().check(z.gte(0), z.lte(1024)),
});
export type AckMessage = z.infer<typeof ackMessage>;

/** `dn/desired`: a desired document with this version waits to be fetched. */
export const desiredNotice = z.object({ v: z.literal(1), version: count });
export type DesiredNotice = z.infer<typeof desiredNotice>;

/** States of a model update on a device, in order; the last three are final. */
export const updatePhases = [
  "downloading",
  "verifying",
  "testing",
  "switching",
  "active",
  "failed",
  "rolled-back",
] as const;
export type UpdatePhase = (typeof updatePhases)[number];

/** `up/ota`: how far a model update is. */
export const otaMessage = z.object({
  v: z.literal(1),
  at: timeMs,
  model: slug,
  version: z.string().check(z.maxLength(64)),
  phase: z.enum(updatePhases),
  /** Bytes of the download done and in all. */
  bytesDone: count,
  bytesTotal: count,
  /** Why it failed or was rolled back, as one sentence. */
  reason: z.nullable(z.string().check(z.maxLength(1000))),
});
export type OtaMessage = z.infer<typeof otaMessage>;

/** `up/labels`: ground truth for frames of other devices, seen later by an inspection station. */
export const labelsMessage = z.object({
  v: z.literal(1),
  /** Makes a repeated message harmless. */
  id: z.string().check(z.minLength(1), z.maxLength(64)),
  labels: z
    .array(
      z.object({
        device: slug,
        frame: z.string().check(z.minLength(1), z.maxLength(128)),
        label: z.string().check(z.minLength(1), z.maxLength(128)),
        /** When the frame was captured, as far as the station knows. */
        capturedAt: timeMs,
        at: timeMs,
      }),
    )
    .check(z.minLength(1), z.maxLength(500)),
});
export type LabelsMessage = z.infer<typeof labelsMessage>;

/** `dn/cmd`. */
export const commandMessage = z.object({
  v: z.literal(1),
  id: z.string().check(z.minLength(1), z.maxLength(64)),
  command: z.enum(["report-state", "flush", "benchmark"]),
});
export type CommandMessage = z.infer<typeof commandMessage>;

/** Digest and size of something a device can download. */
export const blobRef = z.object({ digest: sha256, bytes: count });
export type BlobRef = z.infer<typeof blobRef>;
