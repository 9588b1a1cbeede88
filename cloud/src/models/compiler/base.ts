/**
 * What a mix is made from: how ranges were found, and what was done to the float graph or its biases
 * before. Each further base costs an evaluation, so they are tried in this order until one keeps the
 * budget with every node in 8 bits.
 */
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { modelOf } from "@fieldloop/shared-node/onnx/graph";
import type { CalibrationMethod, Range } from "./calibrate/range.ts";
import { type Observed, observeTensors, rangesBy } from "./calibration.ts";
import type { Ground } from "./ground.ts";
import { fillsOf, type Prepared } from "./prepare.ts";
import { correctBias } from "./quantise/correct-bias.ts";
import { equalise } from "./quantise/equalise.ts";
import { spread } from "./split.ts";

export type Help = "equalisation" | "bias-correction";

export interface Base {
  /** The float graph that is quantised: the prepared one, or that one levelled. */
  readonly prepared: Prepared;
  readonly method: CalibrationMethod;
  readonly ranges: ReadonlyMap<string, Range>;
  readonly helped: readonly Help[];
  readonly biases?: ReadonlyMap<string, Float32Array>;
}

/** Tried in this order while the loss is over the budget. */
const methods: readonly CalibrationMethod[] = [
  { kind: "min-max" },
  { kind: "percentile", percentile: 99.99, symmetric: false },
  { kind: "entropy" },
];

/** Means settle with few pictures, if they are not all of one camera. */
const correctionSamplesMax = 48;

/** Bases that only differ in how ranges are found. */
export function plainBases(
  prepared: Prepared,
  observed: Observed,
  method: CalibrationMethod | undefined,
): readonly Base[] {
  const wanted = method === undefined ? methods : [method];
  return wanted.map((one) => ({
    prepared,
    method: one,
    ranges: rangesBy(observed, one),
    helped: [],
  }));
}

/** The base with biases that make good what rounding shifts on average. */
export async function corrected(base: Base, ground: Ground, reduced: boolean): Promise<Base> {
  const samples = spread(ground.calibration, correctionSamplesMax);
  const { biases } = await correctBias({
    prepared: base.prepared,
    ranges: base.ranges,
    options: { reduced },
    fills: fillsOf(samples, base.prepared.input),
  });
  return { ...base, biases, helped: [...base.helped, "bias-correction"] };
}

/** The base with the channels of neighbouring convolutions levelled; `undefined` where none can be. */
export async function levelled(
  base: Base,
  calibration: Ground["calibration"],
): Promise<Base | undefined> {
  const { graph, report } = equalise(base.prepared.graph);
  if (report.pairs.length === 0) return undefined;
  const prepared = { ...base.prepared, graph, bytes: encodeModel(modelOf(graph)) };
  const observed = await observeTensors(prepared, calibration);
  const { method } = base;
  return { prepared, method, ranges: rangesBy(observed, method), helped: ["equalisation"] };
}

/** Names a base among those of one compilation. */
export function nameOfBase(
  kind: string,
  { method, helped }: Pick<Base, "method" | "helped">,
): string {
  return [kind, method.kind, ...helped].join(" ");
}
