/** Compilations on the server: a float model and pictures in, a registered version out. */
import * as z from "zod/mini";
import { sha256 } from "../ids.ts";
import { compileReport } from "../manifest/compile-report.ts";
import { modelSpec } from "../manifest/model.ts";
import { compilation, compilationId } from "./compilation.ts";
import { endpoint, nothing } from "./endpoint.ts";

export {
  type Compilation,
  type CompilationState,
  type CompileStage,
  compilation,
  compilationStates,
  compileStages,
} from "./compilation.ts";

export const compileSamplesMax = 5000;

/** Kinds of files that can be asked for; float32 is always made. */
export const wantedKinds = ["int8", "int8-reduced", "int8-dynamic", "float16"] as const;
export type WantedKind = (typeof wantedKinds)[number];

const byId = z.object({ id: compilationId });

export const compilations = {
  /** The bytes of model, pictures and golden images must be uploaded before, with `uploadBlob`. */
  start: endpoint({
    method: "POST",
    path: "/api/v1/compilations",
    summary: "Compile a float model on the server and register what comes of it",
    access: "models:push",
    body: z.strictObject({
      spec: modelSpec,
      model: sha256,
      samples: z
        .array(
          z.strictObject({
            name: z.string().check(z.minLength(1), z.maxLength(256)),
            image: sha256,
            /** The true class; left out where it is not known. */
            label: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
          }),
        )
        .check(z.minLength(1), z.maxLength(compileSamplesMax)),
      goldens: z._default(z.array(sha256).check(z.maxLength(64)), []),
      /** Points (hundredths) of accuracy, or of agreement where nothing is labelled. */
      lossPointsMax: z._default(z.number().check(z.gte(0), z.lte(100)), 0.5),
      /** Left out: 8 bits, and 7-bit weights for older x86. */
      kinds: z._default(z.array(z.enum(wantedKinds)).check(z.maxLength(wantedKinds.length)), [
        "int8",
        "int8-reduced",
      ]),
    }),
    reply: compilation,
    status: 202,
  }),
  list: endpoint({
    method: "GET",
    path: "/api/v1/compilations",
    summary: "Compilations, newest first",
    access: "models:read",
    reply: z.object({ items: z.array(compilation) }),
  }),
  get: endpoint({
    method: "GET",
    path: "/api/v1/compilations/:id",
    summary: "One compilation and, once it has succeeded, its report",
    access: "models:read",
    params: byId,
    reply: z.object({ ...compilation.shape, report: z.nullable(compileReport) }),
  }),
  cancel: endpoint({
    method: "DELETE",
    path: "/api/v1/compilations/:id",
    summary: "Stop a compilation; one that has ended stays as it is",
    access: "models:push",
    params: byId,
    reply: nothing,
    status: 204,
  }),
};
