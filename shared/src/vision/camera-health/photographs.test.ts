import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadPixels } from "@fieldloop/shared-node/image";
import { describe, expect, it } from "vitest";
import { Confusion, faultKinds, faultOf } from "./test/faults.ts";
import { randomFrom } from "./test/random.ts";
import { type Scene, world } from "./test/scene.ts";
import { commissioned, faultyFrames, hasty, watched } from "./test/timeline.ts";

const folder = join(resolve(process.env.FIELDLOOP_TEST_DATA ?? "../shared/data"), "photos");
const isThere = existsSync(folder);
if (!isThere) console.info(`skipping real photographs: ${folder} is not there`);
const isFull = process.env.FIELDLOOP_TEST_FULL === "1";
const rounds = isFull ? 6 : 1;
const all = isThere ? readdirSync(folder).filter((name) => name.endsWith(".jpg")) : [];
const photographs = isFull ? all : all.slice(0, 2);

/** A place in which nothing moves but the noise. */
async function placeOf(name: string): Promise<Scene> {
  const image = { kind: "encoded" as const, bytes: readFileSync(join(folder, name)) };
  const { data } = await loadPixels(image, { size: world, fit: "stretch" }, name);
  const values = Float32Array.from({ length: world.width * world.height }, (_, i) => {
    const [r = 0, g = 0, b = 0] = data.subarray(3 * i, 3 * i + 3);
    return 0.299 * r + 0.587 * g + 0.114 * b;
  });
  return { name, background: { ...world, values }, chroma: 15, outdoors: true, things: () => [] };
}

describe.skipIf(!isThere)("faults drawn into photographs", () => {
  it("at least 95 % of them are raised under their own name", async () => {
    const confusion = new Confusion();
    const missed: string[] = [];
    for (const [index, name] of photographs.entries()) {
      const place = await placeOf(name);
      const random = randomFrom(7 * index + 3);
      const sensor = { noise: 2, random };
      const reference = commissioned(place, sensor);
      for (let round = 0; round < rounds; round++) {
        for (const kind of faultKinds) {
          const fault = faultOf(kind, random);
          const { events } = watched(faultyFrames(place, fault, sensor, 6), reference, hasty);
          const found = events[0]?.condition ?? "nothing";
          confusion.add(fault.expected, found);
          if (found !== fault.expected) missed.push(`${name}: ${fault.what}: ${found}`);
        }
      }
    }
    const date = new Date().toISOString().slice(0, 10);
    console.info(`photographs, ${date}\n${confusion}\n${missed.join("\n")}`);
    expect(photographs.length).toBeGreaterThanOrEqual(2);
    expect(confusion.recall).toBeGreaterThanOrEqual(0.95);
  }, 600_000);
});
