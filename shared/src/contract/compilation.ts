/**
 * How a compilation looks. Apart from its endpoints, since the live stream carries it: the console's
 * first page needs no reports and manifests.
 */
import * as z from "zod/mini";
import { count, semver, slug, timeMs } from "../ids.ts";
import { variantKinds } from "../manifest/variant-kind.ts";

/** `queued` → `running` → one of the other three, which are final. */
export const compilationStates = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type CompilationState = (typeof compilationStates)[number];

/** What a compilation does, in order; `reading` includes its pictures. */
export const compileStages = [
  "reading",
  "evaluating",
  "calibrating",
  "searching",
  "measuring",
  "finishing",
] as const;
export type CompileStage = (typeof compileStages)[number];

export const compilationId = z.string().check(z.minLength(1), z.maxLength(64));

export const compilation = z.object({
  id: compilationId,
  name: slug,
  version: semver,
  state: z.enum(compilationStates),
  stage: z.nullable(z.enum(compileStages)),
  /** 0 to 1, of the stage. */
  share: z.number(),
  samples: count,
  lossPointsMax: z.number(),
  kinds: z.array(z.enum(variantKinds)),
  /** Why it failed, as one sentence. */
  error: z.nullable(z.string()),
  createdAt: timeMs,
  createdBy: z.string(),
  finishedAt: z.nullable(timeMs),
});
export type Compilation = z.infer<typeof compilation>;
