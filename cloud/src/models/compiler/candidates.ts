/** Makes the files that were asked for, each within the budget or with the reason why not. */
import type { WantedKind } from "@fieldloop/shared/contract/compilations";
import type { VariantKind } from "@fieldloop/shared/manifest/model";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { modelOf } from "@fieldloop/shared-node/onnx/graph";
import { type Ledger, openLedger } from "./budget.ts";
import { type Observed, observeTensors } from "./calibration.ts";
import type { CompileOptions } from "./compile.ts";
import { type Ground, type Judged, judge } from "./ground.ts";
import { findMix, type Mix } from "./mix.ts";
import { lowerFloat16 } from "./passes/lower-float16.ts";
import { type DynamicallyQuantised, quantiseDynamic } from "./quantise/dynamic.ts";
import { isMatrixHeavy } from "./quantise/matrix-heavy.ts";

/** How a file came about; float files have nothing to tell. */
export type Making =
  | { readonly kind: "static"; readonly mix: Mix }
  | { readonly kind: "dynamic"; readonly dynamic: DynamicallyQuantised }
  | { readonly kind: "float" };

export interface Candidate {
  readonly kind: VariantKind;
  readonly judged: Judged;
  readonly making: Making;
  /** What a processor must be able to do to run it; nothing where any may. */
  readonly requires: readonly string[];
}

export interface NotMade {
  readonly kind: WantedKind;
  /** One sentence. */
  readonly because: string;
}

/**
 * Eight-bit weights want a processor that adds products without saturating (VNNI, or Arm's dot
 * product): older x86 sums pairs in 16 bits. With 7-bit weights any processor is right.
 */
const fullRangeFeature = "int8-dot";
/** On processors halves are no faster, and the bounds of activations no longer fuse (decision 21). */
const halfFeature = "cuda";

/** Makes every kind in turn. */
export async function makeCandidates(
  options: CompileOptions,
  ground: Ground,
): Promise<{ readonly made: readonly Candidate[]; readonly notMade: readonly NotMade[] }> {
  const kinds = [...new Set(options.kinds ?? (["int8"] as const))];
  const made: Candidate[] = [];
  const notMade: NotMade[] = [];
  const ledger = openLedger(options.knownTrials, options.onTrial);
  let observed: Promise<Observed> | undefined;
  const observe = () => {
    observed ??= observeAll(ground);
    return observed;
  };
  for (const [i, kind] of kinds.entries()) {
    const progress = (share: number) => ground.progress("searching", (i + share) / kinds.length);
    const found = await makeOne({ options, ground, ledger, progress, observe }, kind);
    if (typeof found === "string") notMade.push({ kind, because: found });
    else made.push(found);
    progress(1);
  }
  return { made, notMade };
}

interface Desk {
  readonly options: CompileOptions;
  readonly ground: Ground;
  readonly ledger: Ledger;
  readonly progress: (share: number) => void;
  readonly observe: () => Promise<Observed>;
}

async function observeAll({ prepared, calibration, progress }: Ground): Promise<Observed> {
  progress("calibrating", 0);
  return await observeTensors(prepared, calibration, (share) => progress("calibrating", share));
}

function makeOne(desk: Desk, kind: WantedKind): Promise<Candidate | string> {
  if (kind === "float16") return makeHalf(desk);
  return kind === "int8-dynamic" ? makeDynamic(desk) : makeStatic(desk, kind);
}

async function makeStatic(
  { options, ground, ledger, progress, observe }: Desk,
  kind: "int8" | "int8-reduced",
): Promise<Candidate | string> {
  const { notQuantisable } = ground.prepared;
  if (notQuantisable !== null) return `The model stays in float: ${notQuantisable}.`;
  const observed = await observe();
  if (observed.size === 0) return "The model stays in float: no node of it can be quantised.";
  progress(0);
  const mix = await findMix({ options, ground, ledger, kind, progress }, observed);
  const requires = kind === "int8" ? [fullRangeFeature] : [];
  return { kind, judged: mix, making: { kind: "static", mix }, requires };
}

async function makeDynamic({ ground, progress }: Desk): Promise<Candidate | string> {
  const { graph } = ground.prepared;
  if (!isMatrixHeavy(graph))
    return "Dynamic quantisation is for models of large matrices; the work of this one is mostly in convolutions, which it would leave in float.";
  progress(0);
  const dynamic = quantiseDynamic(graph);
  if (dynamic.quantised.size === 0)
    return "No matrix product of the model can be quantised dynamically.";
  const judged = await judge(ground, encodeModel(modelOf(dynamic.graph)), progress);
  const making = { kind: "dynamic", dynamic } as const;
  return { kind: "int8-dynamic", judged, making, requires: [fullRangeFeature] };
}

async function makeHalf({ ground, progress }: Desk): Promise<Candidate | string> {
  progress(0);
  const { graph, report } = lowerFloat16(ground.prepared.graph);
  if (report.refused !== null) return `The model cannot be put into halves: ${report.refused}.`;
  const judged = await judge(ground, encodeModel(modelOf(graph)), progress);
  return { kind: "float16", judged, making: { kind: "float" }, requires: [halfFeature] };
}
