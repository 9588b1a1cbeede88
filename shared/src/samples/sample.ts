/** Hard samples: pictures that are worth a person's look, with what was said about them. */
import * as z from "zod/mini";
import { count, sha256, slug, timeMs } from "../ids.ts";
import { detectionSchema } from "../messages/telemetry.ts";

/**
 * Why a picture was kept. `uncertain`: it was hard for the model. `disagreement`: device and cloud said
 * different things. `camera-event`: something was wrong with the camera. `class`: its class was asked
 * for. `random`: by lot, so that what is kept can be weighed against what was seen.
 */
export const sampleReasons = [
  "uncertain",
  "disagreement",
  "camera-event",
  "class",
  "random",
] as const;
export type SampleReason = (typeof sampleReasons)[number];

/** Bounds that device and cloud share. */
export const sampleLimits = {
  /** One JPEG. */
  bytesMax: 512 * 1024,
  /** One piece of an upload. */
  pieceBytesMax: 64 * 1024,
  reasonsMax: sampleReasons.length,
  detectionsMax: 300,
} as const;

const name = z.string().check(z.minLength(1), z.maxLength(128));
const fraction = z.number().check(z.gte(0), z.lte(1));

/** What one model said about the picture. */
export const sampleOpinion = z.object({
  /** `name@version` */
  model: name,
  /** Top class, or `null` for a detector. */
  label: z.nullable(name),
  confidence: fraction,
  /** Boxes as fractions of this picture; `null` for a classifier. */
  detections: z.nullable(z.array(detectionSchema).check(z.maxLength(sampleLimits.detectionsMax))),
});
export type SampleOpinion = z.infer<typeof sampleOpinion>;

/** A picture as a device announces it before its bytes. It is known by the digest of these bytes. */
export const sampleAnnouncement = z.strictObject({
  camera: slug,
  /** The source's id of the frame. */
  frame: name,
  capturedAt: timeMs,
  /** At least one; the same picture may be kept for several. */
  reasons: z
    .array(z.enum(sampleReasons))
    .check(z.minLength(1), z.maxLength(sampleLimits.reasonsMax)),
  /** 1 by lot; the share of such frames that is kept otherwise. For weighing. */
  share: z.number().check(z.gt(0), z.lte(1)),
  /** How hard it was, 0 to 1; `null` where nobody measured. */
  hardness: z.nullable(fraction),
  /** What the device said. */
  local: sampleOpinion,
  /** What the cloud's larger model said, where it was asked. */
  cloud: z.nullable(sampleOpinion),
  /** Whether what was found was blurred before the picture left the device. */
  blurred: z.boolean(),
  width: z.int().check(z.gte(1), z.lte(8192)),
  height: z.int().check(z.gte(1), z.lte(8192)),
  bytes: z.int().check(z.gte(1), z.lte(sampleLimits.bytesMax)),
});
export type SampleAnnouncement = z.infer<typeof sampleAnnouncement>;

/** How far an upload is: send what follows `offset`. */
export const sampleProgress = z.object({ offset: count, complete: z.boolean() });
export type SampleProgress = z.infer<typeof sampleProgress>;

export const sampleDigest = sha256;
