/**
 * Whether a frame is also asked of the cloud. Pure and total: the wish to ask (hard, listed, explored)
 * and then everything that may forbid it, in one fixed order. Nothing that forbids is ever outvoted.
 */
import type { RoutingParameters } from "@fieldloop/shared/manifest/routing";
import type { Decision } from "@fieldloop/shared/vision/decide";
import type { Bucket } from "./budget.ts";
import { type Hardness, hardSigns } from "./hardness.ts";
import { type LinkState, transferMs } from "./link.ts";

/** Why a frame stays here. `stopped` is for the router to say, once it has been stopped. */
export const localReasons = [
  "edge-only",
  "never-label",
  "label-unknown",
  "easy",
  "oversized",
  "offline",
  "metered",
  "breaker",
  "busy",
  "deadline",
  "budget-calls",
  "budget-bytes",
  "budget-cost",
  "stopped",
] as const;
export type LocalReason = (typeof localReasons)[number];

/** Why a frame is asked about: `always-label`, a sign of hardness, the mode, or exploration. */
export const offloadReasons = ["always-label", ...hardSigns, "cloud-first", "explore"] as const;
export type OffloadReason = (typeof offloadReasons)[number];

export type Route =
  | { readonly kind: "local"; readonly because: LocalReason }
  | { readonly kind: "offload"; readonly because: OffloadReason };

/** All that the decision depends on. */
export interface RouteInputs {
  readonly settings: RoutingParameters;
  /** The local model's answer and its hardness; `null` while it is still at work (cloud-first). */
  readonly local: { readonly decision: Decision; readonly hardness: Hardness } | null;
  /** Milliseconds until the answer is due. */
  readonly deadlineLeftMs: number;
  /** What the breaker says (`mayCall`). */
  readonly breaker: "call" | "probe" | "no";
  /** The bucket that has too little, if any (`shortOf`). */
  readonly budgetShort: Bucket | null;
  readonly link: LinkState;
  /** Upper bound of the picture, in bytes. */
  readonly requestBytes: number;
  /** Calls under way. */
  readonly inFlight: number;
  /** Uniform in [0, 1): below `exploreShare` an easy frame is asked about too. */
  readonly random: number;
}

export function decideRoute(inputs: RouteInputs): Route {
  const wish = wishOf(inputs);
  if (wish.kind === "local") return wish;
  const veto = vetoOf(inputs);
  return veto === undefined ? wish : { kind: "local", because: veto };
}

/** What the settings and the frame ask for, were there no limits. */
function wishOf({ settings, local, random }: RouteInputs): Route {
  const { mode, labels, exploreShare } = settings;
  if (mode === "edge-only") return { kind: "local", because: "edge-only" };
  if (local === null) {
    // A label that must never leave is known only once the local model has answered.
    if (labels.never.length > 0) return { kind: "local", because: "label-unknown" };
    return mode === "cloud-first"
      ? { kind: "offload", because: "cloud-first" }
      : { kind: "local", because: "label-unknown" };
  }
  const names = labelsIn(local.decision);
  if (labels.never.some((one) => names.includes(one)))
    return { kind: "local", because: "never-label" };
  if (labels.always.some((one) => names.includes(one)))
    return { kind: "offload", because: "always-label" };
  const [sign] = local.hardness.signs;
  if (sign !== undefined) return { kind: "offload", because: sign };
  if (mode === "cloud-first") return { kind: "offload", because: "cloud-first" };
  if (random < exploreShare) return { kind: "offload", because: "explore" };
  return { kind: "local", because: "easy" };
}

const bucketReasons: Readonly<Record<Bucket, LocalReason>> = {
  callsPerHour: "budget-calls",
  bytesPerHour: "budget-bytes",
  bytesPerDay: "budget-bytes",
  costPerDay: "budget-cost",
};

/** The first thing that forbids a call. Comparisons are written so that NaN forbids. */
function vetoOf(inputs: RouteInputs): LocalReason | undefined {
  const { settings, breaker, budgetShort, link, requestBytes, inFlight } = inputs;
  if (!(requestBytes >= 0 && requestBytes <= settings.cropBytesMax)) return "oversized";
  if (link.connection === "offline") return "offline";
  if (link.connection === "metered" && !settings.meteredAllowed) return "metered";
  if (breaker === "no") return "breaker";
  if (!(inFlight < settings.inFlightMax)) return "busy";
  if (!fitsDeadline(inputs)) return "deadline";
  return budgetShort === null ? undefined : bucketReasons[budgetShort];
}

/**
 * Whether an answer can be expected in time. In `async` mode nobody waits for it, so it need only be
 * expected within the time a call may take. Where nothing is known of the line the call itself finds
 * out: it can cost its bytes and never the deadline, since the local answer is there.
 */
function fitsDeadline({ settings, deadlineLeftMs, link, requestBytes }: RouteInputs): boolean {
  const expectedMs = transferMs(link, requestBytes) ?? 0;
  if (settings.mode === "async") return expectedMs <= settings.callMsMax;
  return deadlineLeftMs > settings.guardMs && expectedMs + settings.guardMs <= deadlineLeftMs;
}

function labelsIn({ label, detections }: Decision): readonly string[] {
  const found = (detections ?? []).map((one) => one.label);
  return label === null ? found : [label, ...found];
}
