/** An engine that runs as a program of its own. */
import * as z from "zod/mini";

const text = z.string().check(z.minLength(1), z.maxLength(4096));

export const processEngineSettings = z.strictObject({
  kind: z.literal("process"),
  /** Program and arguments; no shell is in between. */
  run: z.array(text).check(z.minLength(1), z.maxLength(256)),
  /** Variables of the agent's environment that the program needs. */
  env: z._default(z.array(text).check(z.maxLength(64)), []),
  /** How long it may take to start and open a model; compiling one for an accelerator takes minutes. */
  startMsMax: z._default(z.int().check(z.gte(100), z.lte(3_600_000)), 120_000),
  /** Without an answer for this long it hangs, and is started again. */
  runMsMax: z._default(z.int().check(z.gte(10), z.lte(600_000)), 2000),
});
export type ProcessEngineSettings = z.output<typeof processEngineSettings>;

/** What runs models: ONNX Runtime in the agent, or a program beside it. */
export const engineSettings = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("onnxruntime") }),
  processEngineSettings,
]);
export type EngineSettings = z.output<typeof engineSettings>;
