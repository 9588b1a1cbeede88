/**
 * The one path from a picture to a decision: agent, `infer` command and the cloud's trial run all
 * call this, so they cannot differ.
 */
import { AppError } from "@fieldloop/shared/errors";
import type { Golden, ModelManifest, ModelVariant } from "@fieldloop/shared/manifest/model";
import { type Decision, decide, type OutputTensor } from "@fieldloop/shared/vision/decide";
import type { Box } from "@fieldloop/shared/vision/fit";
import { defaultImageLimits, type ImageInput, loadPixels, type Pixels } from "./image.ts";
import { fitProblems } from "./onnx/fit-problems.ts";
import {
  type ModelSession,
  type ModelSource,
  openSession,
  type Provider,
  type ProviderReport,
} from "./session.ts";
import { createTensorData, inputDims, tensorWriter } from "./tensor.ts";

/** What running a model takes from its manifest; a whole manifest and a whole variant fit. */
export interface ModelOptions {
  readonly manifest: Pick<ModelManifest, "name" | "version" | "labels" | "output">;
  readonly variant: Pick<ModelVariant, "input" | "temperature" | "goldens">;
  readonly model: ModelSource;
  /** Default: the processor only. */
  readonly providers?: readonly Provider[];
  /** Default 1: small models run slower with more. */
  readonly intraOpThreads?: number;
  /** Whether memory is kept between runs; default: yes. */
  readonly arena?: boolean;
  readonly limits?: typeof defaultImageLimits;
  /** What runs the graph; default: ONNX Runtime in this process. */
  readonly openSession?: typeof openSession;
}

/** What happens to a decoded frame, in milliseconds per stage. */
export interface RunStages {
  /** Pixels to input tensor. */
  readonly tensor: number;
  /** The engine; ONNX Runtime in this process holds the event loop. */
  readonly run: number;
  /** Outputs to decision. */
  readonly post: number;
}

export interface RunResult {
  readonly decision: Decision;
  /** A classifier's own scores, as the graph gives them (copied); `null` for a detector. */
  readonly classScores: Float32Array | null;
  readonly stagesMs: RunStages;
}

export interface InferResult {
  readonly decision: Decision;
  /** `decode` includes scaling to the model's size. */
  readonly stagesMs: RunStages & { readonly decode: number };
}

export type GoldenResult =
  | { readonly kind: "pass"; readonly checked: number }
  | { readonly kind: "fail"; readonly reason: string };

/** An open, warmed-up model. */
export interface Model {
  /** `name@version`, as telemetry names it. */
  readonly id: string;
  readonly provider: ProviderReport;
  /** First half of `infer`: decodes beside whatever else runs. */
  prepare(image: ImageInput, what?: string, region?: Box): Promise<Pixels>;
  /** Second half: one frame after another, however many are asked for. */
  run(pixels: Pixels): Promise<RunResult>;
  infer(image: ImageInput, what?: string): Promise<InferResult>;
  /** Asks the variant's golden questions; `loadImage` finds an image by its digest. */
  checkGoldens(loadImage: (digest: string) => Promise<Uint8Array>): Promise<GoldenResult>;
  /** The outputs themselves, for callers that look further than the decision (copied). */
  outputs(pixels: Pixels): Promise<Readonly<Record<string, OutputTensor>>>;
  close(): Promise<void>;
}

/**
 * Opens a model, checks that manifest and graph fit, and runs it once on an empty frame.
 * @throws AppError `model-unreadable`, or `model-mismatch` with all that does not fit in `detail`
 */
export async function openModel(options: ModelOptions): Promise<Model> {
  const { manifest, variant } = options;
  const { input } = variant;
  const open = options.openSession ?? openSession;
  const session = await open({
    model: options.model,
    providers: options.providers ?? ["cpu"],
    intraOpThreads: options.intraOpThreads ?? 1,
    ...(options.arena !== undefined && { arena: options.arena }),
    input: { name: input.name, dims: inputDims(input), data: createTensorData(input) },
    check: (inputs, outputs) => {
      const { output, labels } = manifest;
      const problems = fitProblems({ input, output, labels }, inputs, outputs);
      if (problems.length > 0) throw mismatch(`${manifest.name} ${manifest.version}`, problems);
    },
  });
  return wrap(session, options);
}

function wrap(session: ModelSession, options: ModelOptions): Model {
  const { manifest, variant } = options;
  const { input } = variant;
  const limits = options.limits ?? defaultImageLimits;
  const reading = { ...manifest, temperature: variant.temperature };
  const write = tensorWriter(input);

  const prepare = (image: ImageInput, what?: string, region?: Box): Promise<Pixels> =>
    loadPixels(image, { size: input, fit: input.fit, region }, what, limits);

  async function run({ data, geometry }: Pixels): Promise<RunResult> {
    let from = 0;
    let filled = 0;
    return session.run(
      (tensor) => {
        from = performance.now();
        write(data, tensor);
        filled = performance.now();
      },
      (outputs) => {
        const ran = performance.now();
        const decision = decide(reading, outputs, geometry);
        const { output } = manifest;
        const scores = output.kind === "classification" ? outputs[output.scores] : undefined;
        const classScores = scores?.data.slice() ?? null;
        const post = performance.now() - ran;
        return {
          decision,
          classScores,
          stagesMs: { tensor: filled - from, run: ran - filled, post },
        };
      },
    );
  }

  async function infer(image: ImageInput, what?: string): Promise<InferResult> {
    const from = performance.now();
    const pixels = await prepare(image, what);
    const decode = performance.now() - from;
    const { decision, stagesMs } = await run(pixels);
    return { decision, stagesMs: { decode, ...stagesMs } };
  }

  return {
    id: `${manifest.name}@${manifest.version}`,
    provider: session.provider,
    prepare,
    run,
    infer,
    checkGoldens: (loadImage) => checkGoldens(variant.goldens, infer, loadImage),
    outputs: ({ data }) => session.run((tensor) => write(data, tensor), copyOutputs),
    close: () => session.release(),
  };
}

async function checkGoldens(
  goldens: readonly Golden[],
  infer: Model["infer"],
  loadImage: (digest: string) => Promise<Uint8Array>,
): Promise<GoldenResult> {
  for (const golden of goldens) {
    const bytes = await loadImage(golden.image);
    const what = `golden image ${golden.image.slice(0, 12)}`;
    const { decision } = await infer({ kind: "encoded", bytes }, what);
    const reason = goldenProblem(golden, decision, what);
    if (reason !== undefined) return { kind: "fail", reason };
  }
  return { kind: "pass", checked: goldens.length };
}

/** Why a decision is not the one a golden question expects; `undefined` where it is. */
export function goldenProblem(
  golden: Golden,
  decision: Decision,
  what: string,
): string | undefined {
  if (decision.label !== golden.label) {
    return `${what} gives "${decision.label}" and should give "${golden.label}"`;
  }
  const found = decision.detections?.length ?? null;
  if (found !== golden.detections) {
    return `${what} gives ${found} detections and should give ${golden.detections}`;
  }
  const difference = Math.abs(decision.confidence - golden.confidence);
  if (difference <= golden.tolerance) return undefined;
  return `${what} gives a confidence of ${decision.confidence.toFixed(3)} and should give ${golden.confidence.toFixed(3)} within ${golden.tolerance}`;
}

function copyOutputs(
  outputs: Readonly<Record<string, OutputTensor>>,
): Record<string, OutputTensor> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data, dims }]) => [name, { data: data.slice(), dims }]),
  );
}

function mismatch(model: string, problems: readonly string[]): AppError {
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new AppError({
    code: "model-mismatch",
    message: `${model} does not fit its manifest: ${problems[0]}${more}`,
    status: 422,
    detail: { problems },
  });
}
