/** Writes down what compiling found out, in the form that everybody reads (`shared/manifest/compile-report`). */
import type {
  CompileReport,
  QuantisationReport,
  VariantReport,
} from "@fieldloop/shared/manifest/compile-report";
import type { VariantCalibration } from "@fieldloop/shared/manifest/model";
import { readProcessor, readProcessorName } from "@fieldloop/shared-node/processor";
import type { Candidate, NotMade } from "./candidates.ts";
import type { CompileOptions } from "./compile.ts";
import type { Verdict } from "./decide.ts";
import type { Ground } from "./ground.ts";
import type { Mix } from "./mix.ts";
import { layerNoise } from "./sqnr.ts";
import { notFused, readOperators } from "./verify-fusion.ts";

export interface Findings {
  readonly ground: Ground;
  readonly heldOut: boolean;
  readonly float: Candidate;
  /** Published ones first. */
  readonly verdicts: readonly Verdict[];
  readonly notMade: readonly NotMade[];
  readonly calibrations: ReadonlyMap<Candidate, VariantCalibration | null>;
}

export async function writeReport(
  options: CompileOptions,
  findings: Findings,
): Promise<CompileReport> {
  const { ground, heldOut, float, verdicts, notMade } = findings;
  const { name, version } = options.manifest;
  const because = `It is published, for every device that can run none of the others.`;
  const plain: Verdict = { candidate: float, published: true, because, latency: null };
  const published = verdicts.filter((verdict) => verdict.published);
  const refused = verdicts.filter((verdict) => !verdict.published);
  const variants: VariantReport[] = [];
  for (const verdict of [...published, plain, ...refused])
    variants.push(await describe(findings, verdict));
  return {
    schema: "fieldloop.compile-report/2",
    model: { name, version, file: options.name, bytes: options.file.length },
    machine: {
      processor: await readProcessorName(),
      features: [...((await readProcessor()) ?? [])],
    },
    passes: ground.prepared.passes.map(({ pass, changed, left }) => ({
      pass,
      changed,
      left: left.map(({ node, why }) => ({ node, why })),
    })),
    inputLeft: ground.prepared.inputLeft,
    samples: {
      calibration: ground.calibration.length,
      evaluation: ground.evaluation.length,
      heldOut,
    },
    lossPointsMax: options.lossPointsMax,
    source: scoreOf(ground.score),
    variants,
    notMade: notMade.map((one) => ({ ...one })),
    outcome: outcomeOf(verdicts, notMade),
  };
}

/** What is said first: the best file, or why there is only the float one. */
function outcomeOf(verdicts: readonly Verdict[], notMade: readonly NotMade[]): string {
  const best = verdicts.find(({ published }) => published);
  if (best !== undefined) return best.because;
  const why = [...verdicts, ...notMade].map(({ because }) => because);
  return [...why, "The float model is published."].join(" ");
}

async function describe(
  { ground, calibrations }: Findings,
  { candidate, published, because, latency }: Verdict,
): Promise<VariantReport> {
  const { kind, judged, making } = candidate;
  const operators = await readOperators(judged.bytes, ground.prepared.graphInput);
  return {
    kind,
    published,
    because,
    bytes: judged.bytes.length,
    score: scoreOf(judged.score),
    lossPoints: judged.lossPoints,
    operators: { ...operators, floatWeighted: [...operators.floatWeighted] },
    quantisation:
      making.kind === "static"
        ? await describeMix(ground, making.mix, operators)
        : making.kind === "dynamic"
          ? describeDynamic(ground, making.dynamic)
          : null,
    calibration: calibrations.get(candidate) ?? null,
    latency,
  };
}

async function describeMix(
  { calibration }: Ground,
  { base, quantised, float, trials }: Mix,
  operators: Awaited<ReturnType<typeof readOperators>>,
): Promise<QuantisationReport> {
  const { graph } = base.prepared;
  const names = new Map(graph.nodes.map((node) => [node.outputs[0] ?? "", node.name]));
  const nameOf = (key: string): string => names.get(key) ?? key;
  const { plan } = quantised;
  return {
    calibration: base.method.kind,
    helped: [...base.helped],
    trials: trials.length,
    float: float.map(nameOf),
    left: plan.left
      .filter(({ node }) => !float.includes(node))
      .map(({ node, opType, why }) => ({ node: nameOf(node), opType, why })),
    notFused: notFused(graph, plan.quantised, operators),
    layers: [...(await layerNoise(base.prepared, quantised, calibration))],
  };
}

function describeDynamic(
  { prepared }: Ground,
  {
    left,
  }: { readonly left: QuantisationReport["left"] | readonly QuantisationReport["left"][number][] },
): QuantisationReport {
  const names = new Map(prepared.graph.nodes.map((node) => [node.outputs[0] ?? "", node.name]));
  return {
    calibration: "dynamic",
    helped: [],
    trials: 1,
    float: [],
    left: left.map((one) => ({ ...one, node: names.get(one.node) ?? one.node })),
    notFused: [],
    layers: [],
  };
}

function scoreOf({ kind, samples, overall, perClass }: Ground["score"]): CompileReport["source"] {
  return { kind, samples, overall, perClass: { ...perClass } };
}
