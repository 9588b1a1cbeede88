/**
 * Real photographs and a real detector through the whole product: the command line pushes and
 * promotes the model, an agent process looks at a folder, and the API tells what it saw.
 */
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join, resolve } from "node:path";
import { devices, type ResultRecord } from "@fieldloop/shared/contract/devices";
import { assert } from "@fieldloop/shared/errors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tally } from "../support/exactly-once.ts";
import { allRun, type Fleet, fieldloop, startFleet } from "../support/fleet.ts";
import {
  type Cloud,
  eventually,
  freePort,
  repository,
  scratchFolder,
  startCloud,
} from "../support/processes.ts";

const data = resolve(repository, process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const detector = join(data, "face-detector.onnx");
const present = existsSync(detector);
if (!present)
  console.info(`skipping real photographs: ${detector} is not there; set FIELDLOOP_TEST_DATA`);

/** What the README beside the photographs says the detector finds in one of them. */
interface Expected {
  readonly faces: number;
  /** The most certain box; absent where there is no face. */
  readonly box?: readonly number[];
}

/** Reads the table `photo | size | faces | the most certain box`; a line may name several photos. */
function readExpected(readme: string): Map<string, Expected> {
  const expected = new Map<string, Expected>();
  for (const line of readme.split("\n")) {
    const [photos = "", , faces = "", box = ""] = line.split("|").slice(1, -1);
    if (!photos.includes(".jpg")) continue;
    const corners = box.split(",").map(Number);
    for (const name of photos.replace(".jpg", "").split(",")) {
      const one = { faces: Number(faces), ...(corners.length === 4 && { box: corners }) };
      expected.set(`${name.trim()}.jpg`, one);
    }
  }
  return expected;
}

/** Puts a photograph where the camera looks, whole at once as a good uploader does. */
async function place(name: string, folder: string): Promise<void> {
  const hidden = join(folder, `.${name}`);
  await copyFile(join(data, "photos", name), hidden);
  await chmod(hidden, 0o644);
  await rename(hidden, join(folder, name));
}

const boxTolerance = 0.03;

describe.skipIf(!present)("faces in real photographs", () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let cloud: Cloud;
  let fleet: Fleet;
  let expected: Map<string, Expected>;
  let results: readonly ResultRecord[];

  beforeAll(async () => {
    expected = readExpected(await readFile(join(data, "README.md"), "utf8"));
    scratch = await scratchFolder();
    const ports = { httpPort: await freePort(), mqttPort: await freePort() };
    cloud = await startCloud({ folder: scratch.path, ...ports });
    const manifest = join(repository, "test/fixtures/face-detector.yaml");
    await fieldloop(cloud.url, "models", "push", detector, "--manifest", manifest);
    await fieldloop(cloud.url, "models", "promote", "face-detector", "1.0.0");
    const folder = join(scratch.path, "door");
    await mkdir(folder);
    const cameras = [{ name: "door", kind: "directory", directory: { path: folder } }];
    const config = { cameras };
    fleet = await startFleet({ folder: scratch.path, cloud, count: 1, fps: 1, config });
    await allRun(fleet.client, ["cam-1"], "face-detector@1.0.0");
    for (const name of expected.keys()) await place(name, folder);
    results = await eventually("every photograph has a result", async () => {
      const page = { params: { id: "cam-1" }, query: {} };
      const { items } = await fleet.client.call(devices.results, page);
      return items.length >= expected.size && items;
    });
  });

  afterAll(async () => {
    await fleet?.stop();
    await cloud?.stop();
    await scratch?.remove();
  });

  it("are looked for in every photograph the README names, each exactly once", async () => {
    expect([...expected.keys()].sort()).toEqual((await readdir(join(data, "photos"))).sort());
    expect(results.map(({ frame }) => frame).sort()).toEqual([...expected.keys()].sort());
    for (const result of results)
      expect(result).toMatchObject({
        camera: "door",
        model: "face-detector@1.0.0",
        reason: "all",
        label: null,
      });
  });

  it("are as many as there are", () => {
    const found = results.map(({ frame, detections }) => [frame, detections?.length]);
    const wanted = [...expected].map(([name, { faces }]) => [name, faces]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
  });

  it("stand where they are: the most certain box is the README's", () => {
    for (const [name, { box }] of expected) {
      const result = results.find(({ frame }) => frame === name);
      assert(result !== undefined, `${name} has a result`);
      const [best] = (result.detections ?? []).toSorted((a, b) => b.score - a.score);
      expect(best?.label, name).toBe(box && "face");
      expect(result.confidence, name).toBe(best?.score ?? 0);
      for (const [i, edge] of (box ?? []).entries())
        expect(Math.abs((best?.box[i] ?? 9) - edge), `${name}, edge ${i}`).toBeLessThan(
          boxTolerance,
        );
    }
  });

  it("are counted once in the database after the agent has stopped", async () => {
    await fleet.stop();
    const stored = await tally(cloud.databaseUrl, "cam-1");
    const photos = expected.size;
    expect(stored).toMatchObject({ rows: photos, frames: photos, counted: photos });
    expect(stored.different).toBe(stored.numbers);
  });
});
