/** Quantises within the accuracy budget: from which base, and which nodes stay in float. */
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { modelOf } from "@fieldloop/shared-node/onnx/graph";
import { type Base, corrected, levelled, nameOfBase, plainBases } from "./base.ts";
import { type Ledger, searchMix, type Trial } from "./budget.ts";
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
  readonly ledger: Ledger;
  readonly kind: "int8" | "int8-reduced";
  /** Called with 0 to 1. */
  readonly progress: (share: number) => void;
}

/** The fastest mix within the budget, or the most accurate one tried. */
export async function findMix(wanted: Wanted, observed: Observed): Promise<Mix> {
  const { measured: start, trials } = await bestBase(wanted, observed);
  if (fits(wanted, start)) return { ...start, trials };
  return search(wanted, start, trials);
}

/** A base that may be made: making some takes as long as trying them. */
interface Offer {
  readonly of: string;
  /** `undefined` where it would be no different. */
  readonly make: () => Promise<Base | undefined>;
}

interface Tried {
  readonly offer: Offer;
  readonly lossPoints: number;
  /** Missing where an earlier attempt measured it. */
  readonly measured: Measured | undefined;
}

/** The first base that keeps the budget with every node in 8 bits, or the one that loses least. */
async function bestBase(
  wanted: Wanted,
  observed: Observed,
): Promise<{ readonly measured: Measured; readonly trials: readonly Trial[] }> {
  const { options, ground, kind } = wanted;
  const trials: Trial[] = [];
  let best: Tried | undefined;
  const attempt = async (offer: Offer): Promise<Tried | undefined> => {
    const tried = await tryBase(wanted, offer);
    if (tried === undefined) return best;
    trials.push({ of: offer.of, float: [], lossPoints: tried.lossPoints });
    if (best === undefined || tried.lossPoints < best.lossPoints) best = tried;
    return best;
  };
  const done = async ({ offer, measured }: Tried) => ({
    measured: measured ?? (await measureOffer(wanted, offer)),
    trials,
  });
  const plain = plainBases(ground.prepared, observed, options.method);
  for (const base of plain) {
    const tried = await attempt({ of: nameOfBase(kind, base), make: async () => base });
    if (tried !== undefined && fits(wanted, tried)) return done(tried);
  }
  const base = plain.find((one) => nameOfBase(kind, one) === best?.offer.of);
  if (base === undefined) throw new Error("there is no method to try");
  const helps: readonly Offer[] = [
    {
      of: nameOfBase(kind, { ...base, helped: ["bias-correction"] }),
      make: () => corrected(base, ground, kind === "int8-reduced"),
    },
    {
      of: nameOfBase(kind, { ...base, helped: ["equalisation"] }),
      make: () => levelled(base, ground.calibration),
    },
  ];
  for (const help of helps) {
    const tried = await attempt(help);
    if (tried !== undefined && fits(wanted, tried)) return done(tried);
  }
  if (best === undefined) throw new Error("a plain base was tried");
  return done(best);
}

async function tryBase(wanted: Wanted, offer: Offer): Promise<Tried | undefined> {
  const { trials } = wanted.ledger;
  const known = trials.find(({ of, float }) => of === offer.of && float.length === 0);
  if (known !== undefined) return { offer, lossPoints: known.lossPoints, measured: undefined };
  const base = await offer.make();
  if (base === undefined) return undefined;
  const measured = await measure(wanted, base, new Set());
  const { lossPoints } = measured;
  wanted.ledger.note({ of: offer.of, float: [], lossPoints });
  return { offer, lossPoints, measured };
}

async function measureOffer(wanted: Wanted, offer: Offer): Promise<Measured> {
  const base = await offer.make();
  if (base === undefined) throw new Error(`${offer.of} was tried before, and cannot be made now`);
  return measure(wanted, base, new Set());
}

function fits({ options }: Wanted, { lossPoints }: { readonly lossPoints: number }): boolean {
  return lossPoints <= options.lossPointsMax + 1e-9;
}

async function search(wanted: Wanted, start: Measured, before: readonly Trial[]): Promise<Mix> {
  const { options, ground, kind, ledger } = wanted;
  const { base } = start;
  const trialsMax = options.trialsMax ?? defaultTrialsMax;
  const of = nameOfBase(kind, base);
  let made = 0;
  const result = await searchMix({
    of,
    lossPointsMax: options.lossPointsMax,
    trialsMax,
    known: ledger.trials,
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
    onTrial: (trial) => ledger.note(trial),
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
