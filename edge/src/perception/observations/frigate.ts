/**
 * Events of Frigate (https://docs.frigate.video/integrations/mqtt, topic `frigate/events`) as
 * observations. Frigate tells an object many times, while it is there; what counts is told once, when
 * it has gone: its best score, at its best place. Pure.
 */
import * as z from "zod/mini";
import type { Observation } from "./observation.ts";

/** Coordinates are pixels of the picture that Frigate detects in. */
const object = z.object({
  id: z.string().check(z.minLength(1), z.maxLength(128)),
  camera: z.string().check(z.maxLength(128)),
  label: z.string().check(z.minLength(1), z.maxLength(128)),
  top_score: z.optional(z.nullable(z.number())),
  score: z.optional(z.nullable(z.number())),
  start_time: z.number(),
  box: z.optional(z.nullable(z.tuple([z.number(), z.number(), z.number(), z.number()]))),
  false_positive: z.optional(z.nullable(z.boolean())),
});
const event = z.object({ type: z.string(), after: object });

/** How a camera of Frigate is called here, and how large the picture is that it detects in. */
export interface FrigateCamera {
  readonly camera: string;
  readonly width: number;
  readonly height: number;
}

/** What became of a message. */
export type FrigateReading =
  | { readonly kind: "observation"; readonly observation: Observation }
  /** Nothing to tell yet, or of a camera that is not ours. */
  | { readonly kind: "ignored" }
  | { readonly kind: "invalid"; readonly reason: string };

/** @param cameras by Frigate's names */
export function readFrigateEvent(
  payload: Uint8Array,
  cameras: Readonly<Record<string, FrigateCamera>>,
): FrigateReading {
  const read = event.safeParse(parseJson(payload));
  if (!read.success) {
    const [issue] = read.error.issues;
    const where = issue?.path.join(".") ?? "";
    const reason = `no event of Frigate: ${where === "" ? "" : `${where}: `}${issue?.message ?? "invalid"}`;
    return { kind: "invalid", reason };
  }
  const { type, after } = read.data;
  const ours = Object.hasOwn(cameras, after.camera) ? cameras[after.camera] : undefined;
  if (type !== "end" || ours === undefined || after.false_positive === true)
    return { kind: "ignored" };
  const [x1, y1, x2, y2] = after.box ?? [0, 0, ours.width, ours.height];
  const box: [number, number, number, number] = [
    fraction(x1 / ours.width),
    fraction(y1 / ours.height),
    fraction(x2 / ours.width),
    fraction(y2 / ours.height),
  ];
  const score = fraction(after.top_score ?? after.score ?? 0);
  return {
    kind: "observation",
    observation: {
      camera: ours.camera,
      frame: after.id,
      at: Math.max(0, Math.round(after.start_time * 1000)),
      latencyMs: 0,
      detections: [{ label: after.label, score, box }],
    },
  };
}

const fraction = (value: number): number =>
  Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return undefined;
  }
}
