import { describe, expect, it } from "vitest";
import { conditions } from "./settings.ts";
import type { Sensor } from "./test/camera.ts";
import { Confusion, faultKinds, faultOf } from "./test/faults.ts";
import { randomFrom } from "./test/random.ts";
import { scenesOf } from "./test/scene.ts";
import { commissioned, faultyFrames, hasty, watched } from "./test/timeline.ts";

const isFull = process.env.FIELDLOOP_TEST_FULL === "1";
const rounds = isFull ? 12 : 1;
/** Three measurements for a median and two minutes of persistence; one more for what is late. */
const frameCount = 6;

describe("faults of drawn cameras", () => {
  it("at least 95 % of them are raised under their own name", () => {
    const confusion = new Confusion();
    const missed: string[] = [];
    for (let round = 0; round < rounds; round++) {
      scenesOf(1 + 17 * round).forEach((scene, index) => {
        const random = randomFrom(100 * round + index);
        const jpeg = index % 2 === 1 ? { jpegQuality: 70 } : {};
        const sensor: Sensor = { noise: 1.5 + 2 * random(), random, ...jpeg };
        const reference = commissioned(scene, sensor);
        for (const kind of faultKinds) {
          const fault = faultOf(kind, random);
          const frames = faultyFrames(scene, fault, sensor, frameCount);
          const { events } = watched(frames, reference, hasty);
          const found = events[0]?.condition ?? "nothing";
          confusion.add(fault.expected, found);
          if (found !== fault.expected) missed.push(`${scene.name}: ${fault.what}: ${found}`);
        }
      });
    }
    console.info(
      `faults, ${new Date().toISOString().slice(0, 10)}\n${confusion}\n${missed.join("\n")}`,
    );
    expect(confusion.recall).toBeGreaterThanOrEqual(0.95);
    for (const condition of conditions) {
      expect(confusion.count(condition, condition) / confusion.cases(condition)).toBeGreaterThan(
        0.8,
      );
    }
  }, 600_000);
});
