/** What camera health tells people, one sentence each. */
import { fullCoverShareMin } from "./judge.ts";
import type { Condition } from "./settings.ts";

/** Where the content of the picture has gone, pixels of the frame: right and down are positive. */
export interface Movement {
  readonly dx: number;
  readonly dy: number;
  /** Clockwise. */
  readonly rotationDegrees: number;
}

interface EventFacts {
  readonly kind: "camera-health";
  readonly phase: "raised" | "cleared";
  /** When the condition began to hold, Unix milliseconds; for `cleared` the same as when raised. */
  readonly since: number;
  /** Median at the time of the event, a share as the settings explain it. */
  readonly value: number;
  /** What the value was held against. */
  readonly threshold: number;
  readonly message: string;
}

export type HealthEvent = EventFacts &
  (
    | { readonly condition: Exclude<Condition, "moved" | "covered"> }
    | { readonly condition: "covered"; readonly extent: "full" | "partial" }
    | ({ readonly condition: "moved" } & Movement)
  );

export interface EventDetails {
  readonly phase: "raised" | "cleared";
  readonly since: number;
  readonly value: number;
  readonly threshold: number;
  readonly movement: Movement;
}

export function eventOf(condition: Condition, details: EventDetails): HealthEvent {
  const { phase, since, value, threshold, movement } = details;
  const message = phase === "raised" ? raisedSentence(condition, details) : cleared[condition];
  const facts = { kind: "camera-health", phase, since, value, threshold, message } as const;
  if (condition === "moved") return { ...facts, condition, ...movement };
  if (condition !== "covered") return { ...facts, condition };
  return { ...facts, condition, extent: value >= fullCoverShareMin ? "full" : "partial" };
}

function raisedSentence(
  condition: Condition,
  { value, threshold, movement }: EventDetails,
): string {
  const measured = percent(value);
  const limit = `the limit is ${percent(threshold)}`;
  switch (condition) {
    case "dark":
      return `the picture is dark: ${measured} of what was lit at commissioning is black (${limit}); light the scene or look at the lens`;
    case "overexposed":
      return `the picture is overexposed: ${measured} of what was not white at commissioning is (${limit}); shade the camera or lower its exposure`;
    case "covered":
      return value >= fullCoverShareMin
        ? `the camera is covered: ${measured} of the scene is gone (${limit}); uncover the lens`
        : `the camera is partly covered: ${measured} of the scene is gone (${limit}); free the lens of what hides it`;
    case "moved":
      return `the camera has moved: its picture lies ${pixels(movement.dx, "right", "left")} and ${pixels(movement.dy, "down", "up")}, turned by ${movement.rotationDegrees.toFixed(1)} degrees; point it back or commission it again`;
    case "fogged":
      return `the lens is fogged: ${measured} of the contrast is gone (${limit}); dry or clean it`;
    case "blurred":
      return `the picture is blurred: ${measured} of its sharpness is gone (${limit}); clean or refocus the lens`;
    case "infrared-stuck":
      return `the picture has lost its colours by day: ${measured} of the saturation is gone (${limit}); the infrared filter may be stuck`;
    case "frozen":
      return `the picture stands still: in ${measured} of it not even the noise changes (${limit}); restart the camera`;
  }
}

const cleared: Readonly<Record<Condition, string>> = {
  dark: "the picture is no longer dark",
  overexposed: "the picture is no longer overexposed",
  covered: "the camera is no longer covered",
  moved: "the camera points where it did at commissioning again",
  fogged: "the lens is no longer fogged",
  blurred: "the picture is sharp again",
  "infrared-stuck": "the picture has its colours again",
  frozen: "the picture moves again",
};

/** To a tenth, but never rounded up to all of it. */
function percent(share: number): string {
  return `${Math.min(Math.round(share * 1000), share < 1 ? 999 : 1000) / 10} %`;
}

function pixels(distance: number, onward: string, back: string): string {
  return `${Math.abs(distance).toFixed(1)} pixels ${distance < 0 ? back : onward}`;
}
