/** Quantises within the accuracy budget: which ranges, and which nodes stay in float. */
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { modelOf } from "@fieldloop/shared-node/onnx/graph";
import { searchMix, type Trial } from "./budget.ts";
import type { CalibrationMethod } from "./calibrate/range.ts";
import { type Observed, observeTensors, rangesBy } from "./calibration.ts";
import type { CompileOptions, Ground } from "./compile.ts";
import { type Answer, askAll, lossPoints, type Score, scoreOf } from "./evaluate.ts";
import { type Quantised, quantiseStatic } from "./quantise/static.ts";
import { rankByHarm } from "./sqnr.ts";

const defaultTrialsMax = 40;

/** Tried in this order while the loss is over the budget. */
const methods: readonly CalibrationMethod[] = [
  { kind: "min-max" },
  { kind: "percentile", percentile: 99.99, symmetric: false },
  { kind: "entropy" },
];

/** A quantised model that has been evaluated. */
export interface Mix {
  readonly quantised: Quantised;
  readonly bytes: Uint8Array;
  readonly method: CalibrationMethod;
  /** Keys of the nodes that stay in float. */
  readonly float: readonly string[];
  readonly answers: readonly Answer[];
  readonly score: Score;
  readonly lossPoints: number;
  readonly trials: readonly Trial[];
}

type Measured = Omit<Mix, "trials">;

/** The fastest mix within the budget, or the most accurate one tried; `undefined` where nothing can be quantised. */
export async function findMix(options: CompileOptions, ground: Ground): Promise<Mix | undefined> {
  const { prepared, calibration, progress } = ground;
  progress("calibrating", 0);
  const observed = await observeTensors(prepared, calibration, (share) =>
    progress("calibrating", share),
  );
  if (observed.size === 0) return undefined;
  progress("searching", 0);
  const start = await bestMethod(options, ground, observed);
  if (start.lossPoints <= options.lossPointsMax)
    return { ...start, trials: [{ float: [], lossPoints: start.lossPoints }] };
  return search(options, ground, observed, start);
}

/** The first method that keeps the budget with every node in 8 bits, or the one that loses least. */
async function bestMethod(
  options: CompileOptions,
  ground: Ground,
  observed: Observed,
): Promise<Measured> {
  const wanted = options.method === undefined ? methods : [options.method];
  let best: Measured | undefined;
  for (const method of wanted) {
    const found = await measure(options, ground, { observed, method, float: new Set() });
    if (best === undefined || found.lossPoints < best.lossPoints) best = found;
    if (found.lossPoints <= options.lossPointsMax) break;
  }
  if (best === undefined) throw new Error("there is no method to try");
  return best;
}

async function search(
  options: CompileOptions,
  ground: Ground,
  observed: Observed,
  start: Measured,
): Promise<Mix> {
  const { method } = start;
  const trialsMax = options.trialsMax ?? defaultTrialsMax;
  let made = 0;
  const result = await searchMix({
    lossPointsMax: options.lossPointsMax,
    trialsMax,
    known: [...(options.knownTrials ?? []), { float: [], lossPoints: start.lossPoints }],
    rank: () =>
      rankByHarm(ground.prepared, rangesBy(observed, method), {
        reduced: options.reduced ?? false,
        samples: ground.calibration,
      }),
    evaluate: async (float) => {
      const { lossPoints: loss } = await measure(options, ground, { observed, method, float });
      made++;
      ground.progress("searching", Math.min(1, made / trialsMax));
      return loss;
    },
    ...(options.onTrial === undefined ? {} : { onTrial: options.onTrial }),
  });
  const { trials } = result;
  const float = new Set(result.kind === "within" ? result.float : result.best.float);
  return { ...(await measure(options, ground, { observed, method, float })), trials };
}

async function measure(
  options: CompileOptions,
  ground: Ground,
  how: {
    readonly observed: Observed;
    readonly method: CalibrationMethod;
    readonly float: ReadonlySet<string>;
  },
): Promise<Measured> {
  const { method, float } = how;
  const quantised = quantiseStatic(ground.prepared.graph, rangesBy(how.observed, method), {
    excluded: float,
    reduced: options.reduced ?? false,
  });
  const bytes = encodeModel(modelOf(quantised.graph));
  const answers = await askAll(ground.subject(bytes), ground.evaluation);
  const score = scoreOf(answers, ground.evaluation, ground.reference);
  const loss = lossPoints(ground.score, score);
  return { quantised, bytes, method, float: [...float], answers, score, lossPoints: loss };
}
