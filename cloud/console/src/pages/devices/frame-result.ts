/** The result that travels with a live frame. */
import { type Detection, detectionSchema } from "@fieldloop/shared/messages/telemetry";
import * as z from "zod/mini";

const schema = z.object({
  label: z.optional(z.nullable(z.string())),
  confidence: z.optional(z.nullable(z.number())),
  detections: z.optional(z.nullable(z.array(detectionSchema))),
});

export interface FrameResult {
  readonly label: string | undefined;
  readonly confidence: number | undefined;
  readonly detections: readonly Detection[];
}

/** Reads what a frame says of itself; what does not fit counts as not said. */
export function frameResult(raw: unknown): FrameResult {
  const parsed = schema.safeParse(raw);
  const { label, confidence, detections } = parsed.success ? parsed.data : {};
  return {
    label: label ?? undefined,
    confidence: confidence ?? undefined,
    detections: detections ?? [],
  };
}
