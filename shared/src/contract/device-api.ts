/** What devices call: enrolment with a claim token, then everything with their own credential. */
import * as z from "zod/mini";
import { sha256, slug } from "../ids.ts";
import { desiredDocument } from "../messages/twin.ts";
import { endpoint, nothing } from "./endpoint.ts";

export const enrolRequest = z.strictObject({
  /** Claim token. */
  token: z.string().check(z.minLength(1), z.maxLength(200)),
  /** The id the device would like; it gets another one where this is taken. */
  name: z.optional(slug),
  role: z.enum(["camera", "station"]),
  profile: slug,
});

export const enrolReply = z.object({
  deviceId: slug,
  /** Secret of this device: MQTT password and bearer token. Shown once, stored hashed. */
  credential: z.string(),
  mqttUrl: z.string(),
  topicRoot: z.string(),
});
export type EnrolReply = z.infer<typeof enrolReply>;

/** Header of a preview: base64url of JSON, the result drawn on the frame. */
export const previewHeader = "x-fieldloop-result";
export const previewBytesMax = 64 * 1024;

export const deviceApi = {
  enrol: endpoint({
    method: "POST",
    path: "/api/v1/enrol",
    summary: "Turn a claim token into a device with its own credential",
    access: "public",
    body: enrolRequest,
    reply: enrolReply,
    secretReply: true,
    status: 201,
  }),
  desired: endpoint({
    method: "GET",
    path: "/api/v1/device/desired",
    summary: "The desired document of the calling device",
    access: "device",
    reply: desiredDocument,
  }),
  /** Bytes, with `Range`; only blobs of models that the device is meant to run. */
  blob: endpoint({
    method: "GET",
    path: "/api/v1/device/blobs/:digest",
    summary: "Download a manifest, a model file or a golden image by digest",
    access: "device",
    params: z.object({ digest: sha256 }),
    reply: z.unknown(),
    rawReply: "application/octet-stream",
  }),
  /** Body: image/jpeg. */
  preview: endpoint({
    method: "PUT",
    path: "/api/v1/device/preview",
    summary: "Hand over the current frame while somebody watches",
    access: "device",
    reply: nothing,
    status: 204,
    rawBody: "image/jpeg",
  }),
};
