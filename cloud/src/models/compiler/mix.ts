/** Quantises within the accuracy budget: from which base, and which nodes stay in float. */
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { modelOf } from "@fieldloop/shared-node/onnx/graph";
import { type Base, corrected, levelled, nameOfBase, plainBases } from "./base.ts";
import { searchMix, type Trial } from "./budget.ts";
import type { Observed } from "./calibration.ts";
import type { CompileOptions } from "./compile.ts";
import { type Ground, type Judged, judge } from "./ground.ts";
import { type Quantised, quantiseStatic } from "./quantise/static.ts";
import { rankByHarm } from "./sqnr.ts";

const defaultTrialsMax = 40;

/** A quantised model that has been evaluated. */
export interface Mix extends Judged {
  readonly quantised: Quantised;
  readonly base: Base;
  /** Keys of the nodes that stay in float. */
  readonly float: readonly string[];
  readonly trials: readonly Trial[];
}

type Measured = Omit<Mix, "trials">;

/** What one search has in common. */
interface Wanted {
  readonly options: CompileOptions;
  readonly ground: Ground;
  readonly kind: "int8" | "int8-reduced";
  /** Called with 0 to 1. */
  readonly progress: (share: number) => void;
}

/** The fastest mix within the budget, or the most accurate one tried. */
export async function findMix(wanted: Wanted, observed: Observed): Promise<Mix> {
  const { start, trials } = await bestBase(wanted, observed);
  if (fits(wanted, start)) return { ...start, trials };
  return search(wanted, start, trials);
}

/** The first base that keeps the budget with every node in 8 bits, or the one that loses least. */
async function bestBase(wanted: Wanted, observed: Observed) {
  const { options, ground, kind } = wanted;
  const trials: Trial[] = [];
  const attempt = async (base: Base, best?: Measured): Promise<Measured> => {
    const found = await measure(wanted, base, new Set());
    trials.push({ of: nameOfBase(kind, base), float: [], lossPoints: found.lossPoints });
    return best === undefined || found.lossPoints < best.lossPoints ? found : best;
  };
  let best: Measured | undefined;
  for (const base of plainBases(ground.prepared, observed, options.method)) {
    best = await attempt(base, best);
    if (fits(wanted, best)) return { start: best, trials };
  }
  if (best === undefined) throw new Error("there is no method to try");
  const plain = best.base;
  best = await attempt(await corrected(plain, ground, kind === "int8-reduced"), best);
  if (fits(wanted, best)) return { start: best, trials };
  const even = await levelled(plain, ground.calibration);
  if (even !== undefined) best = await attempt(even, best);
  return { start: best, trials };
}

function fits({ options }: Wanted, { lossPoints }: Measured): boolean {
  return lossPoints <= options.lossPointsMax + 1e-9;
}

async function search(wanted: Wanted, start: Measured, before: readonly Trial[]): Promise<Mix> {
  const { options, ground, kind } = wanted;
  const { base } = start;
  const trialsMax = options.trialsMax ?? defaultTrialsMax;
  const of = nameOfBase(kind, base);
  const others = (options.knownTrials ?? []).filter((trial) => trial.of !== of);
  let made = 0;
  const result = await searchMix({
    of,
    lossPointsMax: options.lossPointsMax,
    trialsMax,
    known: [...(options.knownTrials ?? []), { of, float: [], lossPoints: start.lossPoints }],
    rank: () =>
      rankByHarm(base.prepared, base.ranges, {
        reduced: kind === "int8-reduced",
        samples: ground.calibration,
      }),
    evaluate: async (float) => {
      const { lossPoints } = await measure(wanted, base, float);
      made++;
      wanted.progress(Math.min(1, made / trialsMax));
      return lossPoints;
    },
    onTrial: (trial, trials) => options.onTrial?.(trial, [...others, ...trials]),
  });
  const float = new Set(result.kind === "within" ? result.float : result.best.float);
  const trials = [...before.filter((trial) => trial.of !== of), ...result.trials];
  return { ...(await measure(wanted, base, float)), trials };
}

async function measure(
  { ground, kind }: Wanted,
  base: Base,
  float: ReadonlySet<string>,
): Promise<Measured> {
  const quantised = quantiseStatic(base.prepared.graph, base.ranges, {
    excluded: float,
    reduced: kind === "int8-reduced",
    ...(base.biases === undefined ? {} : { biases: base.biases }),
  });
  const judged = await judge(ground, encodeModel(modelOf(quantised.graph)));
  return { ...judged, quantised, base, float: [...float] };
}
