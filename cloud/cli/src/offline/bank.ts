/**
 * `fieldloop models bank`: makes the bank of usual embeddings that an anomaly model is held against, from
 * a folder of usual pictures, and writes it into the model's manifest. Knows no server.
 */
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { AppError } from "@fieldloop/shared/errors";
import { type ModelSpec, modelOutput } from "@fieldloop/shared/manifest/model";
import { anomalyOf, buildBank, fitThreshold, readBank } from "@fieldloop/shared/vision/anomaly";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { readModelFile } from "@fieldloop/shared-node/onnx/external-data";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { parseDocument } from "yaml";
import type { Context, Report } from "../context.ts";
import { readModelSpec } from "../model-spec.ts";
import { startStages } from "../stage-progress.ts";
import { completeInputs } from "./inputs.ts";

export interface BankFlags {
  readonly manifest: string;
  readonly pictures: string;
  readonly size: number;
  readonly falseAlarms: number;
  readonly out?: string;
}

/** Every so many pictures, one is kept out of the bank to fit the threshold on. */
const heldOutEvery = 4;
const picturesMin = 20;

type Spec = Extract<NonNullable<ModelSpec["output"]>, { kind: "embedding" }>;

/** @throws AppError with one sentence for each thing that can be wrong with the inputs */
export async function bank(context: Context, model: string, flags: BankFlags): Promise<Report> {
  const progress = startStages(context.io, context.json());
  try {
    const spec = await readModelSpec(flags.manifest);
    const said = embeddingOf(spec, flags.manifest);
    const file = encodeModel(await readModelFile(model));
    const info = await readOnnxInfo(file, basename(model));
    const tensor = info.outputs.find(({ name, shape }) =>
      said.embedding === undefined ? shape.length === 2 : name === said.embedding,
    );
    const dims = tensor?.shape.at(-1);
    if (tensor === undefined || typeof dims !== "number") throw noEmbedding(model, said.embedding);
    const metric = said.metric ?? "cosine";
    // What the pictures are measured with; only its place in the manifest is still empty.
    const empty = buildBank([new Float32Array(dims)], { size: 1, metric });
    const embedding = tensor.name;
    const draft = { ...said, embedding, metric, bank: empty, threshold: 1, spread: 1 };
    const completed = completeInputs({ ...spec, output: draft }, info, model, flags.manifest);
    const { readSamples } = await import("@fieldloop/cloud/models/compiler/samples");
    const { openModel } = await import("@fieldloop/shared-node/model");
    const samples = await readSamples(flags.pictures, completed.variant.input, undefined, (share) =>
      progress.at("pictures", share),
    );
    if (samples.length < picturesMin) throw tooFew(flags.pictures, samples.length);
    const opened = await openModel({
      ...completed,
      model: { kind: "bytes", bytes: file, name: basename(model) },
    });
    const embeddings: Float32Array[] = [];
    for (const { pixels } of samples) {
      const outputs = await opened.outputs(pixels);
      embeddings.push(outputs[embedding]?.data ?? new Float32Array(dims));
    }
    await opened.close();
    progress.end();
    const neighbours = said.neighbours ?? 1;
    const fitted = fit(embeddings, { ...flags, metric, neighbours });
    const output = modelOutput.parse({ ...draft, neighbours, ...fitted.output });
    const target = flags.out ?? flags.manifest;
    await writeInto(flags.manifest, target, output);
    const { threshold, spread } = fitted.output;
    const data = { out: target, pictures: samples.length, ...fitted.figures, threshold, spread };
    return { data, text: textOf(data) };
  } finally {
    progress.end();
  }
}

function fit(
  embeddings: readonly Float32Array[],
  flags: Pick<BankFlags, "size" | "falseAlarms"> & {
    readonly metric: "cosine" | "euclidean";
    readonly neighbours: number;
  },
) {
  const { metric, neighbours, size, falseAlarms } = flags;
  const kept = embeddings.filter((_, i) => i % heldOutEvery !== heldOutEvery - 1);
  const heldOut = embeddings.filter((_, i) => i % heldOutEvery === heldOutEvery - 1);
  const made = buildBank(kept, { size, metric });
  const vectors = readBank(made);
  const distances = heldOut.map((one) => anomalyOf(one, vectors, { metric, neighbours }));
  const fitted = fitThreshold(distances, { falseAlarmShare: falseAlarms });
  const figures = { bank: vectors.length, dims: made.dims, heldOut: heldOut.length };
  return { output: { bank: made, ...fitted }, figures };
}

/** Comments and order of the file stay. */
async function writeInto(from: string, to: string, output: object): Promise<void> {
  const document = parseDocument(await readFile(from, "utf8"));
  for (const [key, value] of Object.entries(output)) document.setIn(["output", key], value);
  await writeFile(to, document.toString({ lineWidth: 0 }));
}

function textOf(data: {
  readonly out: string;
  readonly pictures: number;
  readonly bank: number;
  readonly dims: number;
  readonly heldOut: number;
  readonly threshold: number;
  readonly spread: number;
}): string {
  const { out, pictures, bank: vectors, dims, heldOut, threshold, spread } = data;
  return `A bank of ${vectors} vectors of ${dims} numbers, from ${pictures} pictures; threshold ${threshold.toPrecision(3)} (spread ${spread.toPrecision(3)}), fitted on ${heldOut} of them that the bank does not hold.\nWritten to ${out}.\n`;
}

function embeddingOf({ output }: ModelSpec, manifest: string): Spec {
  if (output?.kind === "embedding") return output;
  throw new AppError({
    code: "bad-manifest",
    message: `${manifest} is no anomaly model: write output.kind: embedding`,
  });
}

function noEmbedding(model: string, name: string | undefined): AppError {
  return new AppError({
    code: "bad-manifest",
    message: `${basename(model)} has no output ${name ?? "of the shape [1, numbers]"}: name its embedding under output.embedding`,
  });
}

function tooFew(folder: string, pictures: number): AppError {
  return new AppError({
    code: "no-samples",
    message: `${folder} holds ${pictures} pictures; a bank takes at least ${picturesMin} usual ones, better 200`,
  });
}
