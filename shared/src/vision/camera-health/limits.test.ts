import { describe, expect, it } from "vitest";
import { isWorthRegistering, valuesOf } from "./judge.ts";
import { measure } from "./measure.ts";
import { register } from "./register.ts";
import { type Condition, defaultHealthSettings } from "./settings.ts";
import { exposed, type Optics, seen } from "./test/camera.ts";
import { randomFrom } from "./test/random.ts";
import { drawn, scenesOf } from "./test/scene.ts";
import { commissioned } from "./test/timeline.ts";

const random = randomFrom(77);
const sensor = { noise: 2.5, random };
const places = [1, 500].flatMap((seed) =>
  scenesOf(seed).map((scene) => ({ scene, reference: commissioned(scene, sensor) })),
);

/** In how many of the places a condition holds beyond its threshold. */
function seenIn(condition: Condition, optics: Optics): number {
  return places.filter(({ scene, reference }) => {
    const at = (minute: number) => exposed(seen(drawn(scene, minute), optics), 1, sensor, 10);
    const frame = at(31);
    const features = measure(frame, at(30), reference);
    const registration = register(frame, reference, features.noise);
    const value = valuesOf({ ...features, registration }, true)[condition] ?? 0;
    return value >= defaultHealthSettings.conditions[condition].enterShareMin;
  }).length;
}

/** Ten places, frames of 640 x 480, thumbnails of 160 x 120; what lies between is printed. */
describe("the least that is seen", () => {
  it("is defocus of three pixels and not of one", () => {
    const found = [1, 1.5, 2, 2.5, 3].map((blurPixels) => seenIn("blurred", { blurPixels }));
    console.info(`blur of 1, 1.5, 2, 2.5, 3 pixels is seen in ${found.join(", ")} of 10`);
    expect(found[0]).toBe(0);
    expect(found[4]).toBe(10);
  });

  it("is a shift of three pixels and not of one", () => {
    const found = [1, 2, 2.5, 3].map((dx) => seenIn("moved", { pose: { dx, dy: 0, degrees: 0 } }));
    console.info(`shifts by 1, 2, 2.5, 3 pixels are seen in ${found.join(", ")} of 10`);
    expect(found[0]).toBe(0);
    expect(found[3]).toBe(10);
  });

  it("is a turn by one degree and not by a quarter", () => {
    const found = [0.25, 0.5, 0.75, 1].map((degrees) =>
      seenIn("moved", { pose: { dx: 0, dy: 0, degrees } }),
    );
    console.info(`turns by 0.25, 0.5, 0.75, 1 degrees are seen in ${found.join(", ")} of 10`);
    expect(found[0]).toBe(0);
    expect(found[3]).toBe(10);
  });

  it("is fog that takes half of the contrast and not a quarter", () => {
    const found = [0.75, 0.65, 0.55, 0.5].map((transmission) =>
      seenIn("fogged", { fog: { transmission, level: 170 } }),
    );
    console.info(`fog of 0.75, 0.65, 0.55, 0.5 is seen in ${found.join(", ")} of 10`);
    expect(found[0]).toBe(0);
    expect(found[3]).toBe(10);
  });
});

describe("registration", () => {
  it("is worth its time unless nothing can be seen", () => {
    for (const { scene, reference } of places) {
      const at = (optics: Optics, gain: number) =>
        measure(exposed(seen(drawn(scene, 3), optics), gain, sensor, 10), undefined, reference);
      expect(isWorthRegistering(at({}, 1))).toBe(true);
      const cover = { kind: "full", level: 90, place: 0.4 } as const;
      expect(isWorthRegistering(at({ cover }, 1))).toBe(false);
      const black = seen({ ...scene.background, values: new Float32Array(456_000) }, {});
      const dark = measure(exposed(black, 1, sensor, 0), undefined, reference);
      expect(isWorthRegistering(dark)).toBe(false);
    }
  });
});
