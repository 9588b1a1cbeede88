/** What the server and the process that tries a model out say to each other. */
import { count, sha256 } from "@fieldloop/shared/ids";
import { modelManifest, modelSpec, modelVariant } from "@fieldloop/shared/manifest/model";
import * as z from "zod/mini";

/** Problems of one model that are listed; one that does not fit at all has a few. */
export const problemsMax = 50;
const sentence = z.string().check(z.maxLength(4000));

/** Sent by the process once it can take a request. */
export const trialReady = "ready";

export const trialRequest = z.strictObject({
  spec: modelSpec,
  modelPath: z.string(),
  /** Pictures to run, by digest and path. */
  pictures: z.array(z.strictObject({ digest: sha256, bytes: count, path: z.string() })),
});
export type TrialRequest = z.infer<typeof trialRequest>;

/** What the model said about one picture. */
export const trialAnswer = z.strictObject({
  image: sha256,
  bytes: count,
  label: z.nullable(z.string()),
  /** Number of detections; `null` for a classifier. */
  detections: z.nullable(count),
  confidence: z.number().check(z.gte(0), z.lte(1)),
});
export type TrialAnswer = z.infer<typeof trialAnswer>;

/** What does not fit, by the key of the spec it concerns (`model` for the file itself). */
export const trialProblem = z.strictObject({ path: z.string(), message: sentence });
export type TrialProblem = z.infer<typeof trialProblem>;

export const trialReport = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("fits"),
    /** The completed manifest without files, and the file's part without digest and size. */
    manifest: z.omit(modelManifest, { variants: true }),
    variant: z.omit(modelVariant, { digest: true, bytes: true }),
    warnings: z.array(sentence).check(z.maxLength(problemsMax)),
    /** In the order of the pictures. */
    answers: z.array(trialAnswer),
  }),
  z.strictObject({
    kind: z.literal("problems"),
    problems: z.array(trialProblem).check(z.minLength(1), z.maxLength(problemsMax)),
  }),
]);
export type TrialReport = z.infer<typeof trialReport>;

/** Tries a model out; how, and within which bounds, is up to whoever made the function. */
export type Trial = (request: TrialRequest) => Promise<TrialReport>;

/** The report of a model with a single problem. */
export function refused(path: string, message: string): TrialReport {
  return { kind: "problems", problems: [{ path, message }] };
}
