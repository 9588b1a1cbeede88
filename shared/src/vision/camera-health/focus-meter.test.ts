import { describe, expect, it } from "vitest";
import { focusMeter } from "./focus-meter.ts";
import { measure } from "./measure.ts";
import { exposed, seen } from "./test/camera.ts";
import { randomFrom } from "./test/random.ts";
import { drawn, scenesOf } from "./test/scene.ts";

const sensor = { noise: 2.5, random: randomFrom(8) };

describe("the focus meter", () => {
  it("rises to the peak, falls behind it, and knows the peak when it comes back", () => {
    for (const scene of scenesOf(70)) {
      let peak = 0;
      const turn = [9, 6, 4, 2, 1, 0, 1, 2, 4, 6, 2, 0];
      const readings = turn.map((blurPixels) => {
        const frame = exposed(seen(drawn(scene, 30), { blurPixels }), 1, sensor, 10);
        const reading = focusMeter(measure(frame), peak);
        peak = reading.peak;
        return reading;
      });
      const percents = readings.map(({ percent }) => percent);
      expect(percents.slice(0, 6)).toEqual([100, 100, 100, 100, 100, 100]);
      expect(percents[8]).toBeLessThan(70);
      expect(percents[9]).toBeLessThan(percents[8]!);
      expect(percents[11]).toBeGreaterThanOrEqual(97);
      expect(readings[11]!.kind).toBe("at-peak");
      expect(readings[9]!.kind).toBe("below-peak");
    }
  });

  it("says so where there is nothing to focus on", () => {
    const wall = seen({ width: 760, height: 600, values: new Float32Array(456_000).fill(90) }, {});
    const reading = focusMeter(measure(exposed(wall, 1, sensor, 0)), 0.4);
    expect(reading).toEqual({ percent: 0, peak: 0.4, kind: "unclear" });
  });
});
