/** The result that travels with a live frame. */
import { type Detection, detectionSchema } from "@fieldloop/shared/messages/telemetry";
import * as z from "zod/mini";

/** What the focus meter reads. */
const sharpness = z.object({
  focus: z.object({ laplacian: z.number(), tenengrad: z.number() }),
  tone: z.object({ mean: z.number(), contrast: z.number() }),
});

const schema = z.object({
  camera: z.optional(z.string()),
  focus: z.optional(sharpness),
  reference: z.optional(z.base64()),
  label: z.optional(z.nullable(z.string())),
  confidence: z.optional(z.nullable(z.number())),
  detections: z.optional(z.nullable(z.array(detectionSchema))),
});

export interface FrameResult {
  readonly camera: string | undefined;
  /** How sharp the camera is; absent where its health is not watched. */
  readonly sharpness: z.infer<typeof sharpness> | undefined;
  /** JPEG in base64 of what the camera is held against; with some frames only. */
  readonly reference: string | undefined;
  readonly label: string | undefined;
  readonly confidence: number | undefined;
  readonly detections: readonly Detection[];
}

/** Reads what a frame says of itself; what does not fit counts as not said. */
export function frameResult(raw: unknown): FrameResult {
  const parsed = schema.safeParse(raw);
  const { camera, focus, reference, label, confidence, detections } = parsed.success
    ? parsed.data
    : {};
  return {
    camera,
    sharpness: focus,
    reference,
    label: label ?? undefined,
    confidence: confidence ?? undefined,
    detections: detections ?? [],
  };
}
