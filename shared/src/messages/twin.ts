/** The two halves of a device's twin: what the cloud wants (HTTP) and what is (`up/state`). */
import * as z from "zod/mini";
import { count, sha256, slug, timeMs } from "../ids.ts";
import { conditions } from "../vision/camera-health/settings.ts";
import { updatePhases } from "./control.ts";

/** What of the agent's configuration the cloud may change while it runs. */
export const remoteSettings = z.strictObject({
  /** Which single results are reported besides the windows. */
  results: z.enum(["exceptions", "sampled", "all"]),
  /** Share of results reported under `sampled`, chosen by a hash of the frame id. */
  sampleShare: z.number().check(z.gte(0), z.lte(1)),
  /** Length of a telemetry window. */
  windowMs: z.int().check(z.gte(1000), z.lte(3_600_000)),
  /**
   * When to ask the cloud's larger model, over what the model's manifest says: a `routingOverride`
   * (`manifest/routing.ts`), checked by who writes and by who reads it. Named in full here it would be
   * in the console's first page, which has no use for it.
   */
  routing: z.optional(z.record(z.string(), z.unknown())),
  /**
   * What is kept of what is seen, and what may leave the device: `sampleSettings`
   * (`samples/settings.ts`), loosely here for the same reason.
   */
  samples: z.optional(z.record(z.string(), z.unknown())),
});
export type RemoteSettings = z.infer<typeof remoteSettings>;

/** What holds where nobody has set anything. */
export const defaultSettings: RemoteSettings = {
  results: "sampled",
  sampleShare: 0.01,
  windowMs: 60_000,
};

/** The document a device fetches when its version differs from the one it has applied. */
export const desiredDocument = z.strictObject({
  v: z.literal(1),
  version: count,
  /** The model to run, by the digest of its manifest; `null` leaves the device as it is. */
  model: z.nullable(
    z.strictObject({
      name: slug,
      version: z.string().check(z.maxLength(64)),
      manifest: sha256,
      manifestBytes: count,
    }),
  ),
  settings: remoteSettings,
  /** Settings of synthetic cameras' scenes, for example `{ world: "brown-eggs" }`. */
  scene: z.record(z.string(), z.string()),
  /** While set and in the future, the device sends at most one small JPEG a second. */
  preview: z.nullable(z.strictObject({ until: timeMs })),
  /** When somebody last asked for a new reference, by camera; done where a camera's is younger. */
  commissions: z._default(z.record(slug, timeMs), {}),
});
export type DesiredDocument = z.infer<typeof desiredDocument>;

/** The model a device runs. */
export const runningModel = z.object({
  name: slug,
  version: z.string().check(z.maxLength(64)),
  /** Manifest digest; `null` for a model configured by file. */
  manifest: z.nullable(sha256),
  variant: z.string().check(z.maxLength(32)),
  /** Digest of the ONNX file. */
  digest: sha256,
  /** Execution provider that really ran the nodes. */
  provider: z.string().check(z.maxLength(64)),
});
export type RunningModel = z.infer<typeof runningModel>;

/** `up/state`. */
export const reportedState = z.object({
  v: z.literal(1),
  at: timeMs,
  boot: z.string().check(z.maxLength(64)),
  agentVersion: z.string().check(z.maxLength(64)),
  profile: slug,
  /** Version of the desired document that has been applied; 0 for none. */
  desiredVersion: count,
  model: z.nullable(runningModel),
  /** The update under way or the last one. */
  update: z.nullable(
    z.object({
      model: slug,
      version: z.string().check(z.maxLength(64)),
      phase: z.enum(updatePhases),
      reason: z.nullable(z.string().check(z.maxLength(1000))),
      at: timeMs,
    }),
  ),
  settings: remoteSettings,
  scene: z.record(z.string(), z.string()),
  cameras: z
    .array(
      z.object({
        name: slug,
        kind: z.string().check(z.maxLength(32)),
        state: z.enum(["starting", "streaming", "stalled", "backing-off", "failed"]),
        reason: z.nullable(z.string().check(z.maxLength(1000))),
        /** What became of its frames since the agent started. */
        pipeline: z.optional(
          z.object({
            frames: count,
            results: count,
            dropped: z.record(z.string(), count),
            errors: z.record(z.string(), count),
            underWay: count,
            /** Frames that come by frames that can be taken; `null` before it is known. */
            load: z.nullable(z.number().check(z.gte(0))),
            /** Time of each stage, milliseconds; empty before the first result. */
            stagesMs: z.record(z.string(), z.object({ p50: z.number(), p95: z.number() })),
          }),
        ),
        /** How the camera itself is; `null` where it is not watched. */
        health: z.optional(
          z.nullable(
            z.object({
              /** When its reference was made; `null` before the first. */
              referenceAt: z.nullable(timeMs),
              /** Thumbnails taken for a new reference, and wanted. */
              commissioning: z.nullable(z.object({ taken: count, wanted: count })),
              raised: z
                .array(z.object({ condition: z.enum(conditions), since: timeMs }))
                .check(z.maxLength(8)),
            }),
          ),
        ),
      }),
    )
    .check(z.maxLength(64)),
  /** Hybrid inference since the agent took up its model; `null` where it asks nobody. */
  routing: z.optional(
    z.nullable(
      z.object({
        mode: z.string().check(z.maxLength(32)),
        /** Name of the model that the cloud answers with. */
        cloudModel: slug,
        /** `closed`, `open`, `half-open` */
        breaker: z.string().check(z.maxLength(32)),
        frames: count,
        offloaded: count,
        /** Frames by why they stayed or went. */
        local: z.record(z.string(), count),
        offload: z.record(z.string(), count),
        /** Calls by what became of them. */
        calls: z.record(z.string(), count),
        /** Frames that both models have answered, and those on which they agreed. */
        compared: count,
        agreed: count,
        bytesSent: count,
        bytesReceived: count,
        /** From a call to its answer; `null` before the first. */
        callMs: z.nullable(z.object({ p50: z.number(), p95: z.number() })),
        /** Twenty equal bins of hardness from 0 to 1. */
        bins: z
          .array(z.object({ frames: count, offloaded: count, compared: count, agreed: count }))
          .check(z.maxLength(20)),
      }),
    ),
  ),
  vitals: z.object({
    rssBytes: count,
    uptimeS: count,
    loadAverage: z.number(),
    temperatureC: z.nullable(z.number()),
    diskFreeBytes: z.nullable(count),
    outboxRows: count,
    clockOk: z.boolean(),
  }),
});
export type ReportedState = z.infer<typeof reportedState>;
