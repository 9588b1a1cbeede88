/**
 * What another program has seen: predictions of its own model, in the same terms as ours. Pure.
 */
import { AppError } from "@fieldloop/shared/errors";
import { slug, timeMs } from "@fieldloop/shared/ids";
import { detectionSchema } from "@fieldloop/shared/messages/telemetry";
import type { Decision } from "@fieldloop/shared/vision/decide";
import * as z from "zod/mini";

const share = z.number().check(z.gte(0), z.lte(1));
const name = z.string().check(z.minLength(1), z.maxLength(128));

/** Observations in one request, and findings in one observation. */
export const observationLimits = { perRequestMax: 100, detectionsMax: 100 } as const;

const common = {
  /** A camera of kind `external`. */
  camera: slug,
  /** The program's own name of the frame; default: time and a running number. */
  frame: z.optional(name),
  /** When the picture was taken, Unix milliseconds; default: now. */
  at: z.optional(timeMs),
  /** `name@version` of the model that looked; default: the camera's `external.model`. */
  model: z.optional(name),
  /** Capture to prediction, milliseconds. */
  latencyMs: z._default(z.number().check(z.gte(0), z.lte(3_600_000)), 0),
  /** A small JPEG of the frame, base64. */
  thumbnail: z.optional(z.base64().check(z.maxLength(128 * 1024))),
};

const classified = z.strictObject({ ...common, label: name, confidence: share });
const detected = z.strictObject({
  ...common,
  /** Boxes as fractions of the picture: x1, y1, x2, y2. */
  detections: z
    .array(z.strictObject({ ...detectionSchema.shape, box: z.tuple([share, share, share, share]) }))
    .check(z.maxLength(observationLimits.detectionsMax)),
});
const observation = z.union([classified, detected]);
export type Observation = z.output<typeof observation>;

/**
 * Reads the body of `POST /v1/observations`: one observation, or a list.
 * @throws AppError `observation` (400) that says which one does not fit and what is allowed
 */
export function readObservations(body: Uint8Array): readonly Observation[] {
  const parsed = parseJson(body);
  const list: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  const most = observationLimits.perRequestMax;
  if (list.length === 0 || list.length > most)
    throw refused(`a request holds 1 to ${most} observations, not ${list.length}`);
  return list.map((one, i) => {
    const schema = isObject(one) && "detections" in one ? detected : classified;
    const read = schema.safeParse(one);
    if (read.success) return checkThumbnail(read.data);
    const [issue] = read.error.issues;
    const path = [...(Array.isArray(parsed) ? [i] : []), ...(issue?.path ?? [])].join(".");
    const where = path === "" ? "the observation" : path;
    const problem =
      issue?.code === "unrecognized_keys"
        ? `unknown key "${issue.keys[0]}"`
        : (issue?.message ?? "invalid");
    throw refused(
      `${where}: ${problem}; send camera with label and confidence, or with detections as [{label, score, box: [x1, y1, x2, y2] as fractions}]`,
    );
  });
}

function checkThumbnail(seen: Observation): Observation {
  // The first three bytes of every JPEG, in base64.
  if (seen.thumbnail === undefined || seen.thumbnail.startsWith("/9j/")) return seen;
  throw refused(`the thumbnail of a frame of ${seen.camera} is no JPEG in base64`);
}

/** The observation as a model of ours would have said it. */
export function decisionOf(seen: Observation): Decision {
  if ("label" in seen) {
    return { label: seen.label, confidence: seen.confidence, detections: null };
  }
  const detections = seen.detections.toSorted((a, b) => b.score - a.score);
  return { label: null, confidence: detections[0]?.score ?? 0, detections };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch (cause) {
    throw refused("the body is no JSON", cause);
  }
}

function refused(message: string, cause?: unknown): AppError {
  return new AppError({ code: "observation", status: 400, message, cause });
}
