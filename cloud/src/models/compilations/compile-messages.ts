/** What the server and the process that compiles say to each other. */
import { compileStages, wantedKinds } from "@fieldloop/shared/contract/compilations";
import { pushedVariant } from "@fieldloop/shared/contract/models";
import { sha256 } from "@fieldloop/shared/ids";
import { modelSpec } from "@fieldloop/shared/manifest/model";
import * as z from "zod/mini";

const sentence = z.string().check(z.maxLength(4000));

/** Sent by the process once it can take a request. */
export const compileReady = "ready";

/** One evaluation of the search. */
export const keptTrial = z.strictObject({
  of: z.string(),
  float: z.array(z.string()),
  lossPoints: z.number(),
});

export const compileRequest = z.strictObject({
  spec: modelSpec,
  modelPath: z.string(),
  samples: z.array(
    z.strictObject({ name: z.string(), path: z.string(), label: z.nullable(z.string()) }),
  ),
  goldens: z.array(z.strictObject({ digest: sha256, path: z.string() })),
  lossPointsMax: z.number(),
  kinds: z.array(z.enum(wantedKinds)),
  /** What earlier attempts have tried. */
  trials: z.array(keptTrial),
  /** An empty folder, for what is made. */
  folder: z.string(),
});
export type CompileRequest = z.infer<typeof compileRequest>;

/** Everything a registration names but the golden images; the bytes lie in the request's folder. */
export const compileResult = z.strictObject({
  kind: z.literal("done"),
  spec: modelSpec,
  /** Digest of the file that the others are compared with. */
  model: sha256,
  variants: z.array(pushedVariant).check(z.minLength(1), z.maxLength(16)),
  files: z.array(z.strictObject({ digest: sha256, path: z.string() })).check(z.maxLength(16)),
  report: z.strictObject({ digest: sha256, path: z.string() }),
});
export type CompileResult = z.infer<typeof compileResult>;

export const compileMessage = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("progress"),
    stage: z.enum(compileStages),
    share: z.number().check(z.gte(0), z.lte(1)),
  }),
  z.strictObject({ kind: z.literal("trial"), trial: keptTrial }),
  compileResult,
  z.strictObject({ kind: z.literal("failed"), error: sentence }),
]);
export type CompileMessage = z.infer<typeof compileMessage>;
