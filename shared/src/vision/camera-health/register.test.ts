import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ComplexImage, transform } from "./fft.ts";
import { valuesOf } from "./judge.ts";
import { measure } from "./measure.ts";
import { type Registration, register } from "./register.ts";
import { defaultHealthSettings } from "./settings.ts";
import { daylight, exposed, type Pose, seen } from "./test/camera.ts";
import { well } from "./test/features.ts";
import { randomFrom } from "./test/random.ts";
import { drawn, type Scene, scenesOf } from "./test/scene.ts";
import { commissioned } from "./test/timeline.ts";

const random = randomFrom(23);
const sensor = { noise: 2.5, random };
const places = scenesOf(40).map((scene) => ({ scene, reference: commissioned(scene, sensor) }));
type Place = (typeof places)[number];

function found({ scene, reference }: Place, pose: Pose, gain = 1, other: Scene = scene) {
  const picture = seen(drawn(other, 77.7), { pose }, { ...daylight, gain });
  const frame = exposed(picture, gain, sensor, 10);
  return register(frame, reference, measure(frame).noise);
}

describe("the Fourier transform", () => {
  it("comes back to the picture", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 128, maxLength: 128 }),
        (values) => {
          // biome-ignore format: one thought
          const image = { width: 16, height: 8, re: Float64Array.from(values), im: new Float64Array(128) };
          transform(image, "forward");
          transform(image, "inverse");
          image.re.forEach((value, i) => {
            expect(value / 128).toBeCloseTo(values[i]!, 9);
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it("is the sum it stands for", () => {
    const size = { width: 4, height: 8 };
    const re = Float64Array.from({ length: 32 }, random);
    const image: ComplexImage = { ...size, re: re.slice(), im: new Float64Array(32) };
    transform(image, "forward");
    const [u, v] = [3, 5];
    let sum = 0;
    re.forEach((value, i) => {
      const [x, y] = [i % 4, Math.floor(i / 4)];
      sum += value * Math.cos(2 * Math.PI * ((u * x) / 4 + (v * y) / 8));
    });
    expect(image.re[v * 4 + u]).toBeCloseTo(sum, 9);
  });
});

describe("a camera that was moved", () => {
  const off = (registration: Registration, { dx, dy }: Pose) =>
    Math.hypot(registration.dx - dx, registration.dy - dy);

  it("is found within half a pixel of a frame of 640, from 3 to 40 pixels", () => {
    for (const place of places) {
      for (const [dx, dy] of [
        [3, 0],
        [-2.5, 4],
        [11, -7],
        [-28, 28],
      ] as const) {
        // biome-ignore format: one thought
        const registration = found(place, { dx, dy, degrees: 0 });
        expect(off(registration!, { dx, dy, degrees: 0 })).toBeLessThan(0.5);
        expect(registration!.confidence).toBeGreaterThan(0.5);
        expect(registration!.explained).toBeGreaterThan(0.2);
        expect(Math.abs(640 * registration!.displacementShare - Math.hypot(dx, dy))).toBeLessThan(
          0.6,
        );
      }
    }
  });

  it("is found when turned by up to nine degrees, within a tenth of one", () => {
    for (const place of places) {
      for (const degrees of [-9, -4, 1, 6]) {
        const registration = found(place, { dx: 5, dy: -3, degrees });
        expect(registration!.rotationDegrees).toBeCloseTo(degrees, 1);
        expect(off(registration!, { dx: 5, dy: -3, degrees })).toBeLessThan(1);
      }
    }
  });

  it("is found at an eighth of the light", () => {
    for (const place of places) {
      const pose = { dx: 9, dy: 5, degrees: 0 };
      expect(off(found(place, pose, 0.125)!, pose)).toBeLessThan(1);
    }
  });
});

describe("a camera that stands still", () => {
  it("moves by less than a pixel of the frame, by day and by night", () => {
    for (const place of places) {
      for (const gain of [1, 0.1]) {
        const registration = found(place, { dx: 0, dy: 0, degrees: 0 }, gain);
        expect(registration!.displacement).toBeLessThan(1);
        expect(registration!.explained).toBeLessThan(0.18);
      }
    }
  });

  it("is not called moved when the scene is another, or of its kind but filled anew", () => {
    const later = scenesOf(90);
    for (const [i, place] of places.entries()) {
      const others = places.filter((other) => other !== place).map(({ scene }) => scene);
      for (const scene of [...others, later[i]!]) {
        const registration = found(place, { dx: 0, dy: 0, degrees: 0 }, 1, scene);
        const { moved } = valuesOf({ ...well, registration }, null);
        expect(moved ?? 0).toBeLessThan(defaultHealthSettings.conditions.moved.enterShareMin);
      }
    }
  });

  it("is not looked for in a picture of another size", () => {
    const { scene, reference } = places[0]!;
    const frame = exposed(seen(scene.background, {}), 1, sensor, 10);
    expect(register(frame, { ...reference, height: 90 }, 1)).toBeNull();
  });
});
