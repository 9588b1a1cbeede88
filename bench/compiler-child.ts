/**
 * Compiles one model in a process of its own, so that its memory can be read, and answers once with
 * what that took and gave.
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type Compiled,
  type CompileOptions,
  compileModel,
  type Stage,
} from "@fieldloop/cloud/models/compiler/compile";
import type { Sample } from "@fieldloop/cloud/models/compiler/evaluate";
import { measureGain } from "@fieldloop/cloud/models/compiler/gain";
import { readSamples } from "@fieldloop/cloud/models/compiler/samples";
import { openScene, truthAt } from "@fieldloop/demo/scene/egg-line";
import { fileOf, type VariantReport } from "@fieldloop/shared/manifest/compile-report";
import type { LatencyComparison } from "@fieldloop/shared/manifest/latency";
import { type ModelSpec, modelSpec } from "@fieldloop/shared/manifest/model";
import { loadPixels } from "@fieldloop/shared-node/image";
import { completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { parse } from "yaml";

/** What to compile: a network with a folder of pictures, or a demo model with its own scene. */
export type CompilePlan =
  | {
      readonly kind: "network";
      readonly model: string;
      readonly spec: ModelSpec;
      readonly pictures: string;
      readonly pairs: number;
    }
  | { readonly kind: "eggs"; readonly model: string; readonly pairs: number };

export interface CompileAnswer {
  /** Seconds; `pictures` is reading them from the folder. */
  readonly stageSeconds: Readonly<Record<string, number>>;
  /** Largest resident size up to the end of compiling. */
  readonly peakMb: number;
  readonly progressReports: number;
  /** Longest time without a word, the comparison of the speeds left out. */
  readonly silenceSeconds: number;
  readonly calibrationPictures: number;
  readonly evaluationPictures: number;
  readonly scoreKind: string;
  readonly floatScore: number;
  readonly int8Score: number;
  readonly lossPoints: number;
  readonly sizes: { readonly sourceBytes: number; readonly int8Bytes: number };
  /** The float model with pixels in its graph against the 8-bit one, as the compiler judges. */
  readonly latency: LatencyComparison;
  /** The file as it was given, fed by JavaScript, against the 8-bit one. */
  readonly latencyFromSource: LatencyComparison | null;
  readonly operators: VariantReport["operators"];
  readonly notFused: readonly string[];
  /** Nodes with weights that cannot be quantised, with the reason. */
  readonly left: readonly string[];
  readonly outcome: string;
}

type Options = CompileOptions & { readonly samples: readonly Sample[]; readonly pairs: number };

const eggCameras = 10;
const eggFrames = 60;
const noon = Date.UTC(2026, 5, 1, 12);

/** Frames of cameras that the model was neither trained nor measured on. */
async function eggSamples(input: { width: number; height: number }): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let camera = 0; camera < eggCameras; camera++) {
    const seed = `compiler-${camera}`;
    const scene = openScene({ seed, settings: { world: "normal" } });
    const { width, height } = scene;
    for (let tick = 0; tick < eggFrames; tick++) {
      const image = { kind: "raw", data: scene.render(tick, noon), width, height } as const;
      const pixels = await loadPixels(image, { size: input, fit: "stretch" });
      samples.push({ name: `${seed}-${tick}`, pixels, label: truthAt(seed, tick) });
    }
  }
  return samples;
}

async function specOf(plan: CompilePlan): Promise<ModelSpec> {
  if (plan.kind === "network") return plan.spec;
  return modelSpec.parse(parse(await readFile(join(dirname(plan.model), "model.yaml"), "utf8")));
}

/** Seconds per stage, and how talkative it was. */
function stopwatch() {
  let from = performance.now();
  let stage: Stage | "pictures" = "pictures";
  let reports = 0;
  let silenceMs = 0;
  const ms: Record<string, number> = {};
  return {
    tell(next: Stage): void {
      const now = performance.now();
      ms[stage] = (ms[stage] ?? 0) + now - from;
      if (stage !== "measuring") silenceMs = Math.max(silenceMs, now - from);
      [from, stage] = [now, next];
      reports++;
    },
    result() {
      const seconds = Object.entries(ms).map(([name, value]) => [name, round(value / 1000)]);
      return {
        stageSeconds: Object.fromEntries(seconds),
        progressReports: reports,
        silenceSeconds: round(silenceMs / 1000),
      };
    },
  };
}

async function compile(plan: CompilePlan): Promise<CompileAnswer> {
  const spec = await specOf(plan);
  const file = await readFile(plan.model);
  const completion = completeSpec(spec, await readOnnxInfo(file));
  if (completion.kind === "problems") throw new Error(completion.problems.join("; "));
  const { manifest, variant } = completion;
  const drawn = plan.kind === "eggs" ? await eggSamples(variant.input) : undefined;
  const watch = stopwatch();
  const samples =
    drawn ??
    (await readSamples(plan.kind === "network" ? plan.pictures : "", variant.input, undefined));
  const options = {
    file,
    name: `${spec.name}.onnx`,
    manifest,
    variant,
    samples,
    // Random networks have no accuracy to keep, and the search is not what is measured here.
    lossPointsMax: plan.kind === "eggs" ? 0.5 : 100,
    pairs: plan.pairs,
    progress: watch.tell,
  } satisfies CompileOptions;
  const compiled = await compileModel(options);
  const peakMb = await peakMegabytes();
  return { ...watch.result(), peakMb, ...(await summarise(options, compiled)) };
}

async function summarise(options: Options, compiled: Compiled) {
  const { report } = compiled;
  const { source, samples } = report;
  const int8 = fileOf(report, "int8");
  if (!int8?.latency || int8.quantisation === null) throw new Error(report.outcome);
  const { quantisation } = int8;
  return {
    calibrationPictures: samples.calibration,
    evaluationPictures: samples.evaluation,
    scoreKind: source.kind,
    floatScore: source.overall,
    int8Score: int8.score.overall,
    lossPoints: round(int8.lossPoints),
    sizes: { sourceBytes: report.model.bytes, int8Bytes: int8.bytes },
    latency: int8.latency,
    latencyFromSource: await compareWithSource(options, compiled),
    operators: int8.operators,
    notFused: quantisation.notFused,
    left: quantisation.left.map(({ node, opType, why }) => `${opType} ${node}: ${why}`),
    outcome: report.outcome,
  };
}

/** `null` where no 8-bit model was published. */
async function compareWithSource(
  { file, manifest, variant, pairs, samples }: Options,
  { variants }: Compiled,
): Promise<LatencyComparison | null> {
  const int8 = variants.find((one) => one.variant.kind === "int8");
  if (int8 === undefined) return null;
  const source = { bytes: file, manifest, variant };
  const target = { bytes: int8.bytes, manifest, variant: int8.variant };
  return measureGain(source, target, [...samples].slice(0, 20), pairs);
}

/** The kernel's own mark, which a process does not inherit. */
async function peakMegabytes(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const kilobytes = Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
  return Math.round(kilobytes / 1024);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

process.once("message", async (plan: CompilePlan) => {
  const answer = await compile(plan);
  process.send?.(answer, () => process.disconnect());
});
