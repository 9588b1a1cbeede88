/**
 * Tries a model out: reads the file, completes the spec from it, opens it and runs it on pictures.
 * All of this happens on bytes somebody sent, so the server never calls it itself but in a process
 * of its own (`trial-run.ts`).
 */
import { readFile } from "node:fs/promises";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { type Model, openModel } from "@fieldloop/shared-node/model";
import { type CompletedSpec, completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import {
  problemsMax,
  refused,
  type TrialAnswer,
  type TrialProblem,
  type TrialReport,
  type TrialRequest,
} from "./trial-messages.ts";

/** A problem met on the way, to be told and not thrown further. */
class Refusal extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** Never throws for what is wrong with the model or a picture: that is the report. */
export async function tryModel(request: TrialRequest): Promise<TrialReport> {
  try {
    const bytes = await readFile(request.modelPath);
    const completion = completeSpec(request.spec, await readOnnxInfo(bytes, "the model"));
    if (completion.kind === "problems")
      return {
        kind: "problems",
        problems: completion.problems.slice(0, problemsMax).map(problemOf),
      };
    const { manifest, variant, warnings } = completion;
    const answers = await ask(bytes, completion, request.pictures);
    return { kind: "fits", manifest, variant, warnings: [...warnings], answers };
  } catch (error) {
    if (error instanceof Refusal) return refused(error.path, error.message);
    const problems = error instanceof AppError ? error.detail?.problems : undefined;
    if (Array.isArray(problems) && problems.length > 0)
      return { kind: "problems", problems: problems.slice(0, problemsMax).map(problemOf) };
    return refused("model", sentenceOf(error));
  }
}

async function ask(
  bytes: Uint8Array,
  { manifest, variant }: CompletedSpec,
  pictures: TrialRequest["pictures"],
): Promise<TrialAnswer[]> {
  const model = await openModel({
    manifest,
    variant,
    model: { kind: "bytes", bytes, name: "the model" },
  });
  const answers: TrialAnswer[] = [];
  for (const picture of pictures) answers.push(await askOne(model, picture));
  await model.close();
  return answers;
}

async function askOne(
  model: Model,
  { digest, bytes, path }: TrialRequest["pictures"][number],
): Promise<TrialAnswer> {
  const what = `golden image ${digest.slice(0, 12)}`;
  const encoded = await readFile(path);
  const pixels = await model
    .prepare({ kind: "encoded", bytes: encoded }, what)
    .catch((error: unknown) => {
      throw new Refusal("golden", messageOf(error));
    });
  const { decision } = await model.run(pixels);
  if (!Number.isFinite(decision.confidence))
    throw new Refusal(
      "model",
      `on ${what} the model's scores are not numbers; the model is damaged, or input.mean and input.std do not fit it`,
    );
  return {
    image: digest,
    bytes,
    label: decision.label,
    detections: decision.detections?.length ?? null,
    confidence: decision.confidence,
  };
}

/** Every sentence names the key to change; the first one named is where it belongs. */
export function problemOf(message: string): TrialProblem {
  const key = /\b(?:input|output)\.[A-Za-z]+|\blabels?\b/.exec(message)?.[0];
  return { path: key === undefined ? "model" : key.startsWith("label") ? "labels" : key, message };
}

function sentenceOf(error: unknown): string {
  const reason = messageOf(error);
  if (/bad.?alloc|allocate memory|array buffer allocation/i.test(reason)) return memorySentence;
  return error instanceof AppError ? reason : `the model cannot be tried out: ${reason}`;
}

export const memorySentence =
  "the trial run needed more memory than a trial may use; export the model with a smaller input or fewer weights";
