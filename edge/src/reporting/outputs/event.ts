/** What local outputs are told: one flat object for everything that can happen before a camera. Pure. */
import type { Decision } from "@fieldloop/shared/vision/decide";
import { type FactEvent, factKinds, factSentence } from "@fieldloop/shared/vision/tracking/events";

export const localEventKinds = [...factKinds, "result", "camera-state", "camera-health"] as const;
export type LocalEventKind = (typeof localEventKinds)[number];

export interface LocalEvent {
  readonly kind: LocalEventKind;
  readonly camera: string;
  /** When the picture was taken, or the camera changed; Unix milliseconds. Deadlines count from here. */
  readonly at: number;
  /** The source's id of the frame that shows it best. */
  readonly frame: string | null;
  readonly label: string | null;
  /** Of a result its confidence, of an object its class's share of the vote, 0 to 1. */
  readonly confidence: number | null;
  readonly track: number | null;
  readonly line: string | null;
  readonly direction: string | null;
  readonly zone: string | null;
  readonly stayMs: number | null;
  /** What a person would say. */
  readonly message: string;
}

const nothing = {
  frame: null,
  label: null,
  confidence: null,
  track: null,
  line: null,
  direction: null,
  zone: null,
  stayMs: null,
} as const;

/** @param at when the frame that showed it was captured: what happened may be dated back */
export function eventOfFact(camera: string, event: FactEvent, at: number): LocalEvent {
  const { label, share, track, bestFrame } = event.object;
  return {
    ...nothing,
    kind: event.kind,
    camera,
    at,
    frame: bestFrame,
    label,
    confidence: share,
    track,
    line: "line" in event ? event.line : null,
    direction: "direction" in event ? event.direction : null,
    zone: "zone" in event ? event.zone : null,
    stayMs: "stayMs" in event ? event.stayMs : null,
    message: `the camera ${camera}: ${factSentence(event)}`,
  };
}

/** Of a detector the best finding counts; one without findings has no label. */
export function eventOfResult(result: {
  readonly camera: string;
  readonly frame: string;
  readonly capturedAt: number;
  readonly decision: Decision;
}): LocalEvent {
  const { camera, frame, capturedAt, decision } = result;
  const label = decision.label ?? decision.detections?.[0]?.label ?? null;
  const { confidence } = decision;
  const message = `the camera ${camera}: ${label ?? "nothing"} (${confidence.toFixed(2)})`;
  return { ...nothing, kind: "result", camera, at: capturedAt, frame, label, confidence, message };
}

/** @param label the state, or the condition that was raised or cleared */
export function eventOfCamera(
  kind: "camera-state" | "camera-health",
  camera: string,
  label: string,
  message: string,
  at: number,
): LocalEvent {
  return { ...nothing, kind, camera, at, label, message: `the camera ${camera}: ${message}` };
}
