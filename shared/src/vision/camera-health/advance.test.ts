import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { advance, recommissioned } from "./advance.ts";
import type { HealthEvent } from "./events.ts";
import { healthState, initialHealthState, raisedConditions } from "./health-state.ts";
import { explainersOf } from "./judge.ts";
import type { HealthFeatures } from "./measure.ts";
import {
  conditions,
  defaultHealthSettings,
  type HealthSettings,
  healthSettings,
} from "./settings.ts";
import { compared, well, wellRegistration } from "./test/features.ts";
import { minuteMs, noon } from "./test/timeline.ts";

const defaults = defaultHealthSettings;

function run(
  features: readonly HealthFeatures[],
  settings: HealthSettings = defaults,
  stepMs = minuteMs,
) {
  let state = initialHealthState();
  const events: HealthEvent[] = [];
  features.forEach((one, i) => {
    const next = advance(state, one, noon + i * stepMs, settings);
    state = next.state;
    events.push(...next.events);
  });
  return { state, events };
}
const times = (n: number, features: HealthFeatures) => Array.from({ length: n }, () => features);
const phases = (events: readonly HealthEvent[]) =>
  events.map(({ condition, phase }) => `${condition} ${phase}`);

const blurred = compared({ sharpness: 0.3 });
const moved: HealthFeatures = {
  ...well,
  registration: { ...wellRegistration, dx: 12.5, dy: -4, displacementShare: 0.02, explained: 0.8 },
};

describe("a condition", () => {
  it("is raised once after it has persisted, and cleared once after it has gone", () => {
    const { events } = run([...times(9, well), ...times(30, blurred), ...times(20, well)]);
    expect(events).toEqual([
      {
        kind: "camera-health",
        condition: "blurred",
        phase: "raised",
        since: noon + 11 * minuteMs, // three of five measurements
        value: 0.7,
        threshold: 0.35,
        message:
          "the picture is blurred: 70 % of its sharpness is gone (the limit is 35 %); clean or refocus the lens",
      },
      {
        kind: "camera-health",
        condition: "blurred",
        phase: "cleared",
        since: noon + 11 * minuteMs,
        value: 0,
        threshold: 0.25,
        message: "the picture is sharp again",
      },
    ]);
  });

  it("is not raised by what lasts shorter, or by every other frame", () => {
    expect(run([...times(9, well), ...times(10, blurred), ...times(9, well)]).events).toEqual([]);
    const flicker = Array.from({ length: 400 }, (_, i) => (i % 5 < 2 ? blurred : well));
    expect(run(flicker).events).toEqual([]);
  });

  it("between the two thresholds stays what it was", () => {
    const between = compared({ sharpness: 0.7 });
    expect(run(times(200, between)).events).toEqual([]);
    expect(phases(run([...times(30, blurred), ...times(200, between)]).events)).toEqual([
      "blurred raised",
    ]);
  });

  it("is neither raised nor cleared while it cannot be seen", () => {
    const unseen = compared({ sharpness: null });
    const mixed = Array.from({ length: 200 }, (_, i) => (i % 8 === 7 ? unseen : blurred));
    expect(run(mixed).events).toEqual([]);
    expect(phases(run([...times(30, blurred), ...times(200, unseen)]).events)).toEqual([
      "blurred raised",
    ]);
  });

  it("is counted anew after a gap, and when the clock goes back", () => {
    const start = run(times(8, blurred)).state;
    const later = advance(start, blurred, noon + 60 * minuteMs, defaults);
    expect(later.events).toEqual([]);
    expect(later.state.conditions.blurred).toMatchObject({ pendingSince: null, recent: [0.7] });
    const before = advance(start, blurred, noon - minuteMs, defaults);
    expect(before.state.conditions.blurred.recent).toEqual([0.7]);
  });

  it("that is switched off is cleared and not raised again", () => {
    const rule = { ...defaults.conditions.blurred, enabled: false };
    const off = { ...defaults, conditions: { ...defaults.conditions, blurred: rule } };
    expect(run(times(60, blurred), off).events).toEqual([]);
    const { state } = run(times(30, blurred));
    const next = advance(state, blurred, noon + 30 * minuteMs, off);
    expect(phases(next.events)).toEqual(["blurred cleared"]);
    expect(raisedConditions(next.state)).toEqual([]);
  });
});

describe("each condition", () => {
  const { tone } = well;
  const cases: readonly (readonly [string, HealthFeatures, Partial<HealthEvent>])[] = [
    ["dark", { ...well, tone: { ...tone, darkShare: 1 } }, { value: 1 }],
    ["overexposed", { ...well, tone: { ...tone, brightShare: 0.6 } }, { value: 0.6 }],
    ["covered", compared({ coveredShare: 1 }), { extent: "full" }],
    ["covered", compared({ coveredShare: 0.4 }), { extent: "partial" }],
    ["moved", moved, { dx: 12.5, dy: -4, rotationDegrees: 0, value: 0.02 }],
    ["fogged", compared({ contrastKept: 0.4, layoutSlope: 0.3 }), { value: 0.6 }],
    ["blurred", blurred, { value: 0.7 }],
    ["frozen", compared({ stillShare: 1 }), { value: 1 }],
  ];
  it.each(cases)("%s is raised under its name with a sentence", (condition, features, facts) => {
    const { events } = run(times(40, features));
    expect(events).toEqual([expect.objectContaining({ condition, phase: "raised", ...facts })]);
    expect(events[0]!.message).toMatch(/^the (picture|camera|lens) .*; [a-z]/);
  });

  it("dark and overexposed count what was not so at commissioning", () => {
    const usual = { ...well.usual, darkShare: 0.5, brightShare: 0.2 };
    const black = { ...well, usual, tone: { ...tone, darkShare: 1 } };
    expect(run(times(40, black)).events).toEqual([expect.objectContaining({ value: 1 })]);
    const white = { ...well, usual, tone: { ...tone, brightShare: 0.6 } };
    expect(run(times(40, white)).events).toEqual([
      expect.objectContaining({ value: expect.closeTo(0.5, 9) }),
    ]);
    const half = { ...well, usual, tone: { ...tone, darkShare: 0.6, brightShare: 0.25 } };
    expect(run(times(40, half)).events).toEqual([]);
  });

  it("moved says where to in words", () => {
    expect(run(times(40, moved)).events[0]!.message).toBe(
      "the camera has moved: its picture lies 12.5 pixels right and 4.0 pixels up, turned by 0.0 degrees; point it back or commission it again",
    );
  });

  it("moved is judged by registrations that come every five minutes", () => {
    const { registration: _, ...without } = moved;
    const features = Array.from({ length: 60 }, (_, i) => (i % 5 === 0 ? moved : without));
    expect(phases(run(features).events)).toEqual(["moved raised"]);
  });

  it("moved is not believed where few tiles agree or the shift explains nothing", () => {
    const unsure = { ...moved.registration!, confidence: 0.2 };
    expect(run(times(60, { ...well, registration: unsure })).events).toEqual([]);
    const noise = { ...moved.registration!, explained: 0.05 };
    expect(run(times(60, { ...well, registration: noise })).events).toEqual([]);
  });

  it("a veil needs both bands, and raised shadows where there is no layout", () => {
    const shallow = compared({ contrastKept: 0.3, layoutSlope: 0.95 });
    expect(run(times(60, shallow)).events).toEqual([]);
    const plain = compared({ contrastKept: 0.3, layoutSlope: null });
    expect(run(times(60, plain)).events).toEqual([]);
    expect(phases(run(times(60, { ...plain, darkChannel: 0.6 })).events)).toEqual([
      "fogged raised",
    ]);
  });
});

describe("a picture without colour", () => {
  const grey: HealthFeatures = { ...well, saturation: 0.004 };
  const daytime = { ...defaults, daylight: { fromMinute: 480, toMinute: 1080 } };

  it("is raised within an hour where it is known to be day", () => {
    const { events } = run(times(60, grey), daytime);
    expect(phases(events)).toEqual(["infrared-stuck raised"]);
  });

  it("at night is nothing, also where the day passes midnight in UTC", () => {
    const elsewhere = { ...defaults, daylight: { fromMinute: 1260, toMinute: 420 } };
    expect(run(times(400, grey), elsewhere).events).toEqual([]);
    const west = { ...defaults, daylight: { fromMinute: 700, toMinute: 60 } };
    expect(phases(run(times(60, grey), west).events)).toEqual(["infrared-stuck raised"]);
  });

  it("is raised after eighteen hours where nobody knows", () => {
    expect(run(times(17 * 60, grey)).events).toEqual([]);
    expect(phases(run(times(19 * 60, grey)).events)).toEqual(["infrared-stuck raised"]);
  });

  it("is nothing to a camera that never had any", () => {
    const usual = { ...well.usual, saturation: 0.01 };
    expect(run(times(60, { ...grey, usual }), daytime).events).toEqual([]);
  });
});

describe("of several conditions the one is named that explains the others", () => {
  it("a cover before blur and fog, darkness before all", () => {
    const covered = compared({ coveredShare: 1, sharpness: 0.1, contrastKept: 0, layoutSlope: 0 });
    expect(phases(run(times(60, covered)).events)).toEqual(["covered raised"]);
    const dark = { ...covered, tone: { ...well.tone, darkShare: 1 } };
    expect(phases(run(times(60, dark)).events)).toEqual(["dark raised"]);
  });

  it("a moved camera before what is held against its old view", () => {
    const both = {
      ...compared({ coveredShare: 0.3, sharpness: 0.4 }),
      registration: moved.registration,
    };
    expect(phases(run(times(60, both)).events)).toEqual(["moved raised"]);
  });

  it("fog before blur, blur before covered places", () => {
    const wet = compared({
      contrastKept: 0.4,
      layoutSlope: 0.4,
      sharpness: 0.4,
      coveredShare: 0.2,
    });
    expect(phases(run(times(60, wet)).events)).toEqual(["fogged raised"]);
    const soft = compared({ sharpness: 0.4, coveredShare: 0.2 });
    expect(phases(run(times(60, soft)).events)).toEqual(["blurred raised"]);
  });

  it("what was raised before stays until it can be seen again", () => {
    const covered = compared({ coveredShare: 1, sharpness: null });
    const { events } = run([...times(30, blurred), ...times(60, covered), ...times(60, well)]);
    expect(phases(events)).toEqual([
      "blurred raised",
      "covered raised",
      "covered cleared",
      "blurred cleared",
    ]);
  });

  it("no two conditions explain each other", () => {
    for (const coveredShare of [0, 0.5, 1]) {
      for (const condition of conditions) {
        for (const other of explainersOf(condition, coveredShare)) {
          expect(explainersOf(other, coveredShare)).not.toContain(condition);
        }
      }
    }
  });
});

describe("a new reference", () => {
  it("clears what was raised and begins anew", () => {
    const { state } = run(times(40, moved));
    const next = recommissioned(state, defaults);
    expect(phases(next.events)).toEqual(["moved cleared"]);
    expect(next.events[0]).toMatchObject({ since: state.conditions.moved.raisedSince });
    expect(next.state).toEqual(initialHealthState());
  });
});

describe("whatever the features are", () => {
  const share = fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1, noNaN: true }));
  const features = fc
    .record({
      sharpness: share,
      contrastKept: share,
      layoutSlope: share,
      coveredShare: share,
      stillShare: share,
      darkShare: fc.double({ min: 0, max: 1, noNaN: true }),
      saturation: fc.double({ min: 0, max: 0.2, noNaN: true }),
      displacementShare: fc.double({ min: 0, max: 0.02, noNaN: true }),
      repeat: fc.integer({ min: 1, max: 20 }),
    })
    .map(({ darkShare, saturation, displacementShare, repeat, ...rest }) => {
      const registration = { ...wellRegistration, displacementShare, explained: 0.9 };
      const one = { ...compared(rest), saturation, registration };
      return times(repeat, { ...one, tone: { ...well.tone, darkShare } });
    });

  it("events alternate, the state survives JSON, and its lists stay bounded", () => {
    fc.assert(
      fc.property(fc.array(features, { maxLength: 12 }), (rows) => {
        const { state, events } = run(rows.flat());
        expect(healthState.parse(JSON.parse(JSON.stringify(state)))).toEqual(state);
        for (const condition of conditions) {
          const own = events.filter((event) => event.condition === condition);
          own.forEach(({ phase }, i) => {
            expect(phase).toBe(i % 2 === 0 ? "raised" : "cleared");
          });
          expect(raisedConditions(state).includes(condition)).toBe(own.length % 2 === 1);
          expect(state.conditions[condition].recent.length).toBeLessThanOrEqual(5);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("settings", () => {
  it("are those of the schema", () => {
    expect(healthSettings.parse(defaults)).toEqual(defaults);
  });

  it("that would flap or are out of bounds are refused", () => {
    const withBlur = (changes: object) => ({
      ...defaults,
      conditions: {
        ...defaults.conditions,
        blurred: { ...defaults.conditions.blurred, ...changes },
      },
    });
    expect(healthSettings.safeParse(withBlur({ leaveShareMax: 0.5 })).success).toBe(false);
    expect(healthSettings.safeParse(withBlur({ persistMs: -1 })).success).toBe(false);
    expect(healthSettings.safeParse(withBlur({ unknown: 1 })).success).toBe(false);
    expect(healthSettings.safeParse({ ...defaults, medianCount: 4 }).success).toBe(false);
  });
});
