/** What the router says about a frame: at its deadline, and perhaps once more afterwards. Pure. */
import type { Decision } from "@fieldloop/shared/vision/decide";
import { agree } from "./agreement.ts";
import type { CloudReply } from "./cloud.ts";
import type { Route } from "./decide-route.ts";
import type { Evidence, Hardness } from "./hardness.ts";

/** What the local model says, and the numbers behind it. */
export interface LocalAnswer {
  readonly decision: Decision;
  readonly evidence: Evidence;
}

/** What holds for a frame at its deadline. */
export interface Answer {
  readonly kind: "answer";
  readonly frame: string;
  readonly source: "local" | "cloud";
  readonly decision: Decision;
  readonly route: Route;
  /** The local model's, `null` where the cloud was faster (cloud-first). */
  readonly local: Decision | null;
  readonly hardness: Hardness | null;
  /** The cloud's, where it was in time. */
  readonly cloud: { readonly decision: Decision; readonly model: string } | null;
}

/** The cloud's answer to a frame that has been answered locally. */
export interface Correction {
  readonly kind: "correction";
  readonly frame: string;
  readonly local: Decision;
  readonly cloud: Decision;
  readonly agrees: boolean;
  /** For the labelling queue: what the larger model says, to be confirmed or not. */
  readonly proposed: {
    readonly label: string | null;
    readonly detections: Decision["detections"];
    readonly confidence: number;
    /** `name@version` of the model that proposes it. */
    readonly by: string;
  };
  readonly hardness: Hardness;
  /** How long after the local answer it came, in milliseconds. */
  readonly afterMs: number;
}

/** A local answer with its hardness. */
export interface Judged extends LocalAnswer {
  readonly hardness: Hardness;
}

export function localAnswer(frame: string, judged: Judged, route: Route): Answer {
  const { decision, hardness } = judged;
  return {
    kind: "answer",
    frame,
    source: "local",
    decision,
    route,
    local: decision,
    hardness,
    cloud: null,
  };
}

/** @param judged `undefined` while the local model is still at work */
export function cloudAnswer(
  frame: string,
  judged: Judged | undefined,
  route: Route,
  { decision, model }: CloudReply,
): Answer {
  return {
    kind: "answer",
    frame,
    source: "cloud",
    decision,
    route,
    local: judged?.decision ?? null,
    hardness: judged?.hardness ?? null,
    cloud: { decision, model },
  };
}

export function correctionOf(
  frame: string,
  judged: Judged,
  { decision, model }: CloudReply,
  afterMs: number,
): Correction {
  const { label, detections, confidence } = decision;
  return {
    kind: "correction",
    frame,
    local: judged.decision,
    cloud: decision,
    agrees: agree(judged.decision, decision),
    proposed: { label, detections, confidence, by: model },
    hardness: judged.hardness,
    afterMs,
  };
}
