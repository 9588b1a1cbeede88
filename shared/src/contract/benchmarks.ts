/**
 * Speed of a version's files on real devices: asked for here, run there, sent back. A device asks for
 * its orders after every birth and when it gets the command `benchmark`.
 */
import * as z from "zod/mini";
import { count, semver, sha256, slug, timeMs } from "../ids.ts";
import { latencyComparison } from "../manifest/latency.ts";
import { variantKinds } from "../manifest/model.ts";
import { endpoint, nothing } from "./endpoint.ts";

/** What a device measured. */
export const benchmarkFigures = z.object({
  /** As the device tree or /proc/cpuinfo names it. */
  processor: z.string().check(z.maxLength(200)),
  features: z.array(slug).check(z.maxLength(32)),
  threads: count,
  /** Resident memory of the agent after the last run. */
  rssBytes: count,
  /** Hottest sensor after the last run, in degrees Celsius. */
  temperatureC: z.nullable(z.number()),
  /** Every file that the processor computes right. */
  variants: z
    .array(
      z.object({
        kind: z.enum(variantKinds),
        /** The effective execution provider. */
        provider: z.string().check(z.maxLength(32)),
        /** Against the float32 file, or the last one where there is none. */
        latency: latencyComparison,
      }),
    )
    .check(z.maxLength(16)),
  /** Files that this device does not run, with the reason. */
  passedOver: z
    .array(z.object({ kind: z.enum(variantKinds), reason: z.string().check(z.maxLength(500)) }))
    .check(z.maxLength(16)),
});
export type BenchmarkFigures = z.infer<typeof benchmarkFigures>;

/** A measurement that a device is asked for. */
export const benchmarkOrder = z.object({
  id: z.string().check(z.minLength(1), z.maxLength(64)),
  /** Digest of the canonical manifest; its files may be downloaded while the order is open. */
  manifest: sha256,
  manifestBytes: count,
  pairs: count,
});
export type BenchmarkOrder = z.infer<typeof benchmarkOrder>;

export const benchmarkStates = ["waiting", "done", "failed"] as const;

export const benchmark = z.object({
  id: z.string(),
  name: slug,
  version: semver,
  device: slug,
  /** Device profile: what figures are grouped by. */
  profile: slug,
  state: z.enum(benchmarkStates),
  pairs: count,
  /** Why it failed, as one sentence. */
  error: z.nullable(z.string()),
  figures: z.nullable(benchmarkFigures),
  requestedAt: timeMs,
  requestedBy: z.string(),
  finishedAt: z.nullable(timeMs),
});
export type Benchmark = z.infer<typeof benchmark>;

const versionParams = z.object({ name: slug, version: semver });

export const benchmarks = {
  start: endpoint({
    method: "POST",
    path: "/api/v1/models/:name/versions/:version/benchmarks",
    summary: "Have a device measure the files of a version; it answers when it has",
    access: "devices:write",
    params: versionParams,
    body: z.strictObject({
      device: slug,
      /** Runs of each file, in turns. */
      pairs: z._default(z.int().check(z.gte(20), z.lte(2000)), 200),
    }),
    reply: benchmark,
    status: 202,
  }),
  list: endpoint({
    method: "GET",
    path: "/api/v1/models/:name/versions/:version/benchmarks",
    summary: "Measurements of a version on devices, newest first",
    access: "models:read",
    params: versionParams,
    reply: z.object({ items: z.array(benchmark) }),
  }),
  orders: endpoint({
    method: "GET",
    path: "/api/v1/device/benchmarks",
    summary: "Measurements that the calling device is asked for, oldest first",
    access: "device",
    reply: z.object({ items: z.array(benchmarkOrder) }),
  }),
  finish: endpoint({
    method: "PUT",
    path: "/api/v1/device/benchmarks/:id",
    summary: "Hand in what was measured, or why it could not be; a second time changes nothing",
    access: "device",
    params: z.object({ id: z.string().check(z.minLength(1), z.maxLength(64)) }),
    body: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("done"), figures: benchmarkFigures }),
      z.strictObject({ kind: z.literal("failed"), error: z.string().check(z.maxLength(1000)) }),
    ]),
    reply: nothing,
    status: 204,
  }),
};
