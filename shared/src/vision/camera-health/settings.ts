/** What may be wrong with a camera, and from when on it is said. */
import * as z from "zod/mini";

export const conditions = [
  "dark",
  "overexposed",
  "covered",
  "moved",
  "fogged",
  "blurred",
  "infrared-stuck",
  "frozen",
] as const;
export type Condition = (typeof conditions)[number];

const share = z.number().check(z.gt(0), z.lte(1));
const dayMs = 86_400_000;
const waitMs = z.int().check(z.gte(0), z.lte(7 * dayMs));

/** One condition; its value is a share, and the higher the worse. */
const rule = z
  .strictObject({
    enabled: z.boolean(),
    /** From this value on something is wrong. */
    enterShareMin: share,
    /** Below this value it is well again. */
    leaveShareMax: share,
    /** How long it must be wrong before it is raised. */
    persistMs: waitMs,
    /** How long it must be well before it is cleared. */
    clearMs: waitMs,
  })
  .check(
    z.refine(
      ({ enterShareMin, leaveShareMax }) => leaveShareMax < enterShareMin,
      "leaveShareMax must be below enterShareMin, or the condition would flap",
    ),
  );
export type ConditionRule = z.infer<typeof rule>;

const minuteOfDay = z.int().check(z.gte(0), z.lte(1439));

export const healthSettings = z.strictObject({
  /** Judged by the median of so many measurements, an odd number. */
  medianCount: z.int().check(
    z.gte(1),
    z.lte(15),
    z.refine((n) => n % 2 === 1, "medianCount must be odd"),
  ),
  /** After a longer silence everything is counted anew. */
  gapMsMax: z.int().check(z.gte(1000), z.lte(dayMs)),
  /**
   * When it is surely day where the camera stands, minutes of the UTC day; may pass midnight. Only
   * then a picture without colour is wrong. `null`: it is wrong after `nightMsMax` without a break.
   */
  daylight: z.nullable(z.strictObject({ fromMinute: minuteOfDay, toMinute: minuteOfDay })),
  nightMsMax: z.int().check(z.gte(3_600_000), z.lte(7 * dayMs)),
  conditions: z.strictObject({
    /** Share of what is not black in the reference that is black. */
    dark: rule,
    /** Share of what is not clipped at white in the reference that is. */
    overexposed: rule,
    /** Share of the structured tiles that have lost their structure. */
    covered: rule,
    /** Mean distance the content has moved, as a share of the frame's width. */
    moved: rule,
    /** Share of the contrast that is lost in the coarse and in the middle band. */
    fogged: rule,
    /** Share of the sharpness that is lost. */
    blurred: rule,
    /** Share of the saturation that is lost. */
    "infrared-stuck": rule,
    /** Share of the tiles in which nothing changes, not even the noise. */
    frozen: rule,
  }),
});
export type HealthSettings = z.infer<typeof healthSettings>;

const minutes = (n: number) => n * 60_000;
const ruleOf = (enterShareMin: number, leaveShareMax: number, persistMinutes: number) => ({
  enabled: true,
  enterShareMin,
  leaveShareMax,
  persistMs: minutes(persistMinutes),
  clearMs: minutes(5),
});

/** From the measurements in docs/decisions/0031-camera-health.md. */
export const defaultHealthSettings: HealthSettings = {
  medianCount: 5,
  gapMsMax: minutes(20),
  daylight: null,
  nightMsMax: minutes(18 * 60),
  conditions: {
    dark: ruleOf(0.9, 0.7, 10),
    overexposed: ruleOf(0.4, 0.25, 10),
    covered: ruleOf(0.12, 0.07, 5),
    moved: ruleOf(0.004, 0.0025, 5),
    fogged: ruleOf(0.4, 0.3, 10),
    blurred: ruleOf(0.35, 0.25, 10),
    "infrared-stuck": ruleOf(0.85, 0.6, 30),
    frozen: ruleOf(0.85, 0.5, 10),
  },
};
