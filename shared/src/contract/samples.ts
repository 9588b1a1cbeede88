/** Hard samples: devices hand them over in pieces, people look at them. */
import * as z from "zod/mini";
import { slug, timeMs } from "../ids.ts";
import {
  sampleAnnouncement,
  sampleDigest,
  sampleProgress,
  sampleReasons,
} from "../samples/sample.ts";
import { endpoint, nothing, pageOf, pageQuery } from "./endpoint.ts";

/** What devices call. Both may be repeated: bytes that have arrived are never sent again. */
export const deviceSamples = {
  /** Answers how far the upload is; the first call begins it. */
  announce: endpoint({
    method: "PUT",
    path: "/api/v1/device/samples/:digest",
    summary: "Announce a hard sample, or ask how far its upload is",
    access: "device",
    params: z.object({ digest: sampleDigest }),
    body: sampleAnnouncement,
    reply: sampleProgress,
  }),
  /** The next piece, which begins at `offset`; 409 `wrong-offset` names the right one. */
  piece: endpoint({
    method: "PATCH",
    path: "/api/v1/device/samples/:digest",
    summary: "Send the next piece of a hard sample",
    access: "device",
    params: z.object({ digest: sampleDigest }),
    query: z.object({ offset: z.coerce.number().check(z.int(), z.gte(0)) }),
    reply: sampleProgress,
    rawBody: "application/octet-stream",
  }),
};

/** A complete sample as people see it. */
export const sampleView = z.object({
  digest: sampleDigest,
  device: slug,
  receivedAt: timeMs,
  ...sampleAnnouncement.shape,
});
export type SampleView = z.infer<typeof sampleView>;

export const samples = {
  list: endpoint({
    method: "GET",
    path: "/api/v1/samples",
    summary: "List hard samples, newest first",
    access: "samples:read",
    query: z.object({
      ...pageQuery,
      device: z.optional(slug),
      camera: z.optional(slug),
      reason: z.optional(z.enum(sampleReasons)),
      /** Top class, or any detection's. */
      label: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
      /** Capture time, both ends included. */
      from: z.optional(z.coerce.number().check(z.int(), z.gte(0))),
      to: z.optional(z.coerce.number().check(z.int(), z.gte(0))),
    }),
    reply: pageOf(sampleView),
  }),
  get: endpoint({
    method: "GET",
    path: "/api/v1/devices/:device/samples/:digest",
    summary: "Show one hard sample",
    access: "samples:read",
    params: z.object({ device: slug, digest: sampleDigest }),
    reply: sampleView,
  }),
  image: endpoint({
    method: "GET",
    path: "/api/v1/devices/:device/samples/:digest/image",
    summary: "The picture of a hard sample",
    access: "media:view",
    params: z.object({ device: slug, digest: sampleDigest }),
    reply: z.unknown(),
    rawReply: "image/jpeg",
  }),
  remove: endpoint({
    method: "DELETE",
    path: "/api/v1/devices/:device/samples/:digest",
    summary: "Delete a hard sample for good",
    access: "samples:remove",
    params: z.object({ device: slug, digest: sampleDigest }),
    reply: nothing,
    status: 204,
  }),
};
