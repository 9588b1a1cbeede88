/** Fleet: devices, their numbers, claim tokens, labels and what was refused at the door. */
import * as z from "zod/mini";
import { count, slug, timeMs } from "../ids.ts";
import { detectionSchema, resultReasons, severities } from "../messages/telemetry.ts";
import { desiredDocument, remoteSettings, reportedState } from "../messages/twin.ts";
import { endpoint, nothing, pageOf, pageQuery } from "./endpoint.ts";

const place = z.nullable(slug);
const deviceParams = z.object({ id: slug });

/** `pending` has enrolled but never connected; `stale` is online but silent; `removed` is gone. */
export const deviceStatuses = ["pending", "online", "stale", "offline"] as const;
export type DeviceStatus = (typeof deviceStatuses)[number];

/** One row of the device list. */
export const deviceSummary = z.object({
  id: slug,
  role: z.enum(["camera", "station"]),
  profile: slug,
  site: place,
  group: place,
  status: z.enum(deviceStatuses),
  /** Last time anything arrived from it. */
  lastSeen: z.nullable(timeMs),
  enrolledAt: timeMs,
  agentVersion: z.nullable(z.string()),
  /** Model it follows; `null` follows the default, the model promoted first. */
  follows: z.nullable(slug),
  /** `name@version` it runs and is meant to run. */
  model: z.nullable(z.string()),
  desiredModel: z.nullable(z.string()),
  update: z.nullable(
    z.object({
      model: z.string(),
      phase: z.string(),
      reason: z.nullable(z.string()),
      bytesDone: count,
      bytesTotal: count,
      at: timeMs,
    }),
  ),
  world: z.nullable(z.string()),
  /** From the newest telemetry window; `null` before the first. */
  latest: z.nullable(
    z.object({
      at: timeMs,
      fps: z.number(),
      p50Ms: z.nullable(z.number()),
      p95Ms: z.nullable(z.number()),
      confidence: z.nullable(z.number()),
      dropped: count,
      errors: count,
    }),
  ),
});
export type DeviceSummary = z.infer<typeof deviceSummary>;

export const deviceDetail = z.object({
  ...deviceSummary.shape,
  reported: z.nullable(reportedState),
  desired: desiredDocument,
  /** What the cloud has stored of its telemetry. */
  ingest: z.object({ epoch: count, upTo: count, gaps: count, quarantined: count }),
});
export type DeviceDetail = z.infer<typeof deviceDetail>;

/** One step of a device's charts. A step without a window is absent, never zero. */
export const seriesPoint = z.object({
  at: timeMs,
  fps: z.number(),
  results: count,
  dropped: count,
  errors: count,
  p50Ms: z.nullable(z.number()),
  p95Ms: z.nullable(z.number()),
  confidence: z.nullable(z.number()),
  classes: z.record(z.string(), count),
  /** Objects, crossings and stays, by the keys of `vision/tracking/tally.ts`. */
  facts: z.record(z.string(), z.int()),
});
export type SeriesPoint = z.infer<typeof seriesPoint>;

/** Labelled results of one step. A step in which nothing was labelled is absent, never zero. */
export const accuracyPoint = z.object({ at: timeMs, labelled: count, agreed: count });
export type AccuracyPoint = z.infer<typeof accuracyPoint>;

export const resultRecord = z.object({
  device: slug,
  epoch: count,
  seq: count,
  at: timeMs,
  camera: slug,
  frame: z.string(),
  model: z.string(),
  reason: z.enum(resultReasons),
  label: z.nullable(z.string()),
  confidence: z.number(),
  latencyMs: z.number(),
  detections: z.nullable(z.array(detectionSchema)),
  /** Ground truth from a station, where it has arrived. */
  truth: z.nullable(z.string()),
});
export type ResultRecord = z.infer<typeof resultRecord>;

export const eventRecord = z.object({
  device: slug,
  at: timeMs,
  kind: z.string(),
  severity: z.enum(severities),
  message: z.string(),
  detail: z.record(z.string(), z.unknown()),
});
export type EventRecord = z.infer<typeof eventRecord>;

export const claimToken = z.object({
  id: z.string(),
  note: z.string(),
  site: place,
  group: place,
  createdAt: timeMs,
  expiresAt: timeMs,
  usesMax: z.int(),
  uses: z.int(),
  revoked: z.boolean(),
});
export type ClaimToken = z.infer<typeof claimToken>;

const timeRange = {
  from: z.optional(z.coerce.number()),
  to: z.optional(z.coerce.number()),
};
const steps = {
  ...timeRange,
  stepMs: z.optional(z.coerce.number().check(z.int(), z.gte(1000))),
};

export const devices = {
  list: endpoint({
    method: "GET",
    path: "/api/v1/devices",
    summary: "Devices in scope, by id; `q` matches id, site, group, model and status",
    access: "devices:read",
    query: z.object({ ...pageQuery, q: z.optional(z.string().check(z.maxLength(200))) }),
    reply: pageOf(deviceSummary),
  }),
  get: endpoint({
    method: "GET",
    path: "/api/v1/devices/:id",
    summary: "One device with both halves of its twin",
    access: "devices:read",
    params: deviceParams,
    reply: deviceDetail,
  }),
  update: endpoint({
    method: "PATCH",
    path: "/api/v1/devices/:id",
    summary: "Change where a device belongs or how it reports",
    access: "devices:write",
    params: deviceParams,
    body: z.strictObject({
      site: z.optional(place),
      group: z.optional(place),
      follows: z.optional(z.nullable(slug)),
      settings: z.optional(z.partial(remoteSettings)),
    }),
    reply: deviceDetail,
    ifMatch: true,
  }),
  remove: endpoint({
    method: "DELETE",
    path: "/api/v1/devices/:id",
    summary: "Decommission a device: its credential stops working at once",
    access: "devices:remove",
    params: deviceParams,
    reply: nothing,
    status: 204,
    ifMatch: true,
  }),
  series: endpoint({
    method: "GET",
    path: "/api/v1/devices/:id/series",
    summary: "Telemetry windows merged into steps, oldest first; the last hour by default",
    access: "devices:read",
    params: deviceParams,
    query: z.object(steps),
    reply: z.object({ stepMs: z.int(), points: z.array(seriesPoint) }),
  }),
  results: endpoint({
    method: "GET",
    path: "/api/v1/devices/:id/results",
    summary: "Single results, newest first",
    access: "devices:read",
    params: deviceParams,
    query: z.object(pageQuery),
    reply: z.object({ items: z.array(resultRecord), next: z.nullable(z.string()) }),
  }),
  events: endpoint({
    method: "GET",
    path: "/api/v1/devices/:id/events",
    summary: "What happened on the device, newest first",
    access: "devices:read",
    params: deviceParams,
    query: z.object(pageQuery),
    reply: z.object({ items: z.array(eventRecord), next: z.nullable(z.string()) }),
  }),
  accuracy: endpoint({
    method: "GET",
    path: "/api/v1/accuracy",
    summary: "Sampled results that a station has labelled, and how many of them agree, per device",
    access: "devices:read",
    query: z.object(timeRange),
    reply: z.object({
      items: z.array(z.object({ device: slug, labelled: count, agreed: count })),
    }),
  }),
  accuracySeries: endpoint({
    method: "GET",
    path: "/api/v1/devices/:id/accuracy-series",
    summary:
      "Labelled results of one device in steps of their capture time; the last hour by default",
    access: "devices:read",
    params: deviceParams,
    query: z.object(steps),
    reply: z.object({ stepMs: z.int(), points: z.array(accuracyPoint) }),
  }),
  watch: endpoint({
    method: "POST",
    path: "/api/v1/devices/:id/watch",
    summary: "Ask for live frames for the next 30 seconds; audited",
    access: "devices:read",
    params: deviceParams,
    reply: z.object({ until: timeMs }),
  }),
  commission: endpoint({
    method: "POST",
    path: "/api/v1/devices/:id/cameras/:camera/commission",
    summary: "Have a camera take what it sees now as the reference it is held against; audited",
    access: "devices:write",
    params: z.object({ id: slug, camera: slug }),
    reply: z.object({ requestedAt: timeMs }),
  }),
  /** Bytes: image/jpeg; 404 where nobody watches. */
  frame: endpoint({
    method: "GET",
    path: "/api/v1/devices/:id/frame",
    summary: "The live frame a `frame` event spoke of, while it is kept; the newest without `at`",
    access: "media:view",
    params: deviceParams,
    query: z.object({ at: z.optional(z.coerce.number()) }),
    reply: z.unknown(),
    rawReply: "image/jpeg",
  }),
  setScene: endpoint({
    method: "POST",
    path: "/api/v1/demo/world",
    summary: "Change what synthetic cameras see",
    access: "demo:world",
    body: z.strictObject({
      world: slug,
      /** All cameras in scope where absent. */
      devices: z.optional(z.array(slug).check(z.minLength(1), z.maxLength(1000))),
    }),
    reply: z.object({ changed: z.array(slug) }),
  }),
};

export const claimTokens = {
  list: endpoint({
    method: "GET",
    path: "/api/v1/enrol-tokens",
    summary: "Claim tokens, newest first; the secrets are not kept",
    access: "devices:enrol",
    reply: z.object({ items: z.array(claimToken) }),
  }),
  create: endpoint({
    method: "POST",
    path: "/api/v1/enrol-tokens",
    summary: "Create a claim token; its secret is shown this once",
    access: "devices:enrol",
    body: z.strictObject({
      note: z._default(z.string().check(z.maxLength(200)), ""),
      site: z._default(place, null),
      group: z._default(place, null),
      usesMax: z._default(z.int().check(z.gte(1), z.lte(10_000)), 1),
      expiresInS: z._default(z.int().check(z.gte(1), z.lte(365 * 86_400)), 86_400),
    }),
    reply: z.object({ ...claimToken.shape, token: z.string() }),
    status: 201,
    secretReply: true,
  }),
  revoke: endpoint({
    method: "DELETE",
    path: "/api/v1/enrol-tokens/:id",
    summary: "Revoke a claim token; devices already enrolled stay",
    access: "devices:enrol",
    params: z.object({ id: z.string().check(z.maxLength(64)) }),
    reply: nothing,
    status: 204,
  }),
};

export const quarantine = {
  list: endpoint({
    method: "GET",
    path: "/api/v1/quarantine",
    summary: "Messages that were refused, newest first, with the reason and the first bytes",
    access: "quarantine:read",
    query: z.object({ ...pageQuery, device: z.optional(slug) }),
    reply: z.object({
      items: z.array(
        z.object({
          id: z.string(),
          device: slug,
          channel: z.string(),
          reason: z.string(),
          bytes: count,
          head: z.string(),
          at: timeMs,
        }),
      ),
      next: z.nullable(z.string()),
    }),
  }),
};
