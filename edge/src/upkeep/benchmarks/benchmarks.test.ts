import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { benchmarkFigures } from "@fieldloop/shared/contract/benchmarks";
import type { ModelManifest, ModelVariant } from "@fieldloop/shared/manifest/model";
import { canonicalJson } from "@fieldloop/shared-node/crypto/canonical-json";
import { temporaryFolder } from "@fieldloop/test/support/folder";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { colourModel, pixelModel } from "../../../../shared/node/test/tiny-onnx.ts";
import { TestCloud } from "../../../test/cloud.ts";
import { readProfiles } from "../../perception/inference/profile.ts";
import { realFiles } from "../../platform/files.ts";
import { Benchmarks, type BenchmarksOptions } from "./benchmarks.ts";

const size = { width: 8, height: 6, fit: "stretch", colour: "rgb" } as const;
const floats: ModelVariant["input"] = {
  ...{ name: "image", layout: "NCHW", type: "float32", mean: [0, 0, 0], std: [25.5, 25.5, 25.5] },
  ...size,
};
const bytes: ModelVariant["input"] = {
  ...{ name: "image", layout: "NHWC", type: "uint8", mean: [0, 0, 0], std: [1, 1, 1] },
  ...size,
};

let cloud: TestCloud;
let folder: string;
let made: Benchmarks[];

beforeEach(async () => {
  cloud = await new TestCloud().start();
  folder = join(temporaryFolder(), "benchmarks");
  made = [];
});
afterEach(async () => {
  for (const one of made) await one.stop();
  await cloud.stop();
});

/** Asks for a version: 8 bits first, one that no board here can run, and the float file. */
function order(id: string, { pairs = 20, model = pixelModel(8, 6, true) } = {}): void {
  const [int8, float] = [
    cloud.addBlob(Buffer.from(model)),
    cloud.addBlob(Buffer.from(colourModel())),
  ];
  const base = { goldens: [], temperature: 1 };
  const manifest: ModelManifest = {
    ...{ schema: "fieldloop.model/1", name: "colours", version: "1.0.0", task: "classification" },
    ...{ licence: null, description: "", labels: ["red", "green", "blue"], confidenceMin: 0.5 },
    output: { kind: "classification", scores: "logits", activation: "softmax" },
    variants: [
      { ...base, ...float, kind: "float16", input: floats, requires: ["npu"] },
      { ...base, ...int8, kind: "int8", input: bytes, requires: ["int8-dot"] },
      { ...base, ...float, kind: "float32", input: floats, requires: [] },
    ],
  };
  const stored = cloud.addBlob(canonicalJson(manifest));
  cloud.orders.push({ id, manifest: stored.digest, manifestBytes: stored.bytes, pairs });
}

async function open(change: Partial<BenchmarksOptions> = {}): Promise<Benchmarks> {
  const profile = (await readProfiles()).find(({ id }) => id === "linux-x64")!;
  const one = new Benchmarks({
    files: realFiles,
    folder,
    profile: { ...profile, features: ["int8-dot"] },
    threads: 1,
    cloud: { url: cloud.url, credential: cloud.credential },
    urlOf: (digest) => `${cloud.url}/api/v1/device/blobs/${digest}`,
    vitals: async () => ({ rssBytes: 1e8, temperatureC: 51.2, diskFreeBytes: 1e10 }),
    random: () => 0,
    log: pino({ level: "silent" }),
    ...change,
  });
  made.push(one);
  return one;
}

const starts = () => JSON.parse(readFileSync(join(folder, "starts.json"), "utf8"));
const endOf = (id: string) => cloud.benchmarks.find((one) => one.id === id)?.end;

describe("a measurement that the cloud asks for", () => {
  it("is done and handed in, one after another, and leaves nothing behind", async () => {
    order("first");
    order("second", { pairs: 30 });
    const benchmarks = await open();
    benchmarks.look();
    await benchmarks.idle();
    expect(cloud.benchmarks.map(({ id }) => id)).toEqual(["first", "second"]);
    const end = endOf("second") as { kind: string; figures: unknown };
    const figures = benchmarkFigures.parse(end.figures);
    expect(figures).toMatchObject({
      ...{ features: ["int8-dot"], threads: 1, rssBytes: 1e8, temperatureC: 51.2 },
      variants: [{ kind: "int8", provider: "cpu", latency: { pairs: 30 } }],
      passedOver: [{ kind: "float16", reason: "this board lacks npu" }],
    });
    expect(figures.variants[0]?.latency.subjectMs.p50).toBeGreaterThan(0);
    expect(existsSync(join(folder, "work"))).toBe(false);
    expect(starts()).toEqual({});
  });

  it("compares a single file with itself", async () => {
    order("alone");
    const profile = (await readProfiles()).find(({ id }) => id === "linux-x64")!;
    const benchmarks = await open({ profile: { ...profile, features: [] } });
    benchmarks.look();
    await benchmarks.idle();
    expect(endOf("alone")).toMatchObject({
      figures: {
        variants: [{ kind: "float32" }],
        passedOver: [{ kind: "float16" }, { kind: "int8", reason: "this board lacks int8-dot" }],
      },
    });
  });

  it("fails with one sentence where a file is no model", async () => {
    order("broken", { model: Buffer.from("no model") });
    const benchmarks = await open();
    benchmarks.look();
    await benchmarks.idle();
    expect(endOf("broken")).toEqual({ kind: "failed", error: expect.stringMatching(/model/) });
    expect(cloud.orders).toEqual([]);
  });

  it.each([
    [{ memoryFreeBytes: () => 1000 }, /^measuring needs 67 MB of memory and 0 MB are free; /],
    [
      { vitals: async () => ({ rssBytes: 1, temperatureC: null, diskFreeBytes: 5e6 }) },
      /^measuring needs 67 MB of disk and 5 MB are free; /,
    ],
  ])("is not begun where there is no room: %j", async (change, message) => {
    order("large");
    const benchmarks = await open(change);
    benchmarks.look();
    await benchmarks.idle();
    expect(endOf("large")).toEqual({ kind: "failed", error: expect.stringMatching(message) });
  });

  it("is given up when it has ended the agent three times", async () => {
    order("deadly");
    await mkdir(folder, { recursive: true });
    writeFileSync(join(folder, "starts.json"), JSON.stringify({ deadly: 3, forgotten: 1 }));
    const benchmarks = await open();
    benchmarks.look();
    await benchmarks.idle();
    expect(endOf("deadly")).toEqual({
      kind: "failed",
      error: expect.stringMatching(/^the agent ended 3 times while it measured/),
    });
    expect(starts()).toEqual({});
  });

  it("stays open when the agent is stopped, which does not count as a start", async () => {
    order("long", { pairs: 2000 });
    const first = await open();
    first.look();
    await expect.poll(() => existsSync(join(folder, "work")), { timeout: 10_000 }).toBe(true);
    await first.stop();
    expect(cloud.benchmarks).toEqual([]);
    expect(starts()).toEqual({ long: 0 });
    expect(existsSync(join(folder, "work"))).toBe(false);
    cloud.orders[0] = { ...cloud.orders[0]!, pairs: 20 };
    const second = await open();
    second.look();
    await second.idle();
    expect(endOf("long")).toMatchObject({ kind: "done" });
  });

  it("waits for a cloud that is away", async () => {
    order("later");
    const benchmarks = await open({ cloud: { url: "http://127.0.0.1:9", credential: "x" } });
    benchmarks.look();
    await benchmarks.idle();
    expect(cloud.benchmarks).toEqual([]);
    await benchmarks.stop(); // a retry is due later; none comes after the stop
    benchmarks.look();
    await benchmarks.idle();
    expect(cloud.benchmarks).toEqual([]);
  });

  it("is tried again where a download arrives damaged", async () => {
    order("damaged");
    cloud.faults.corruptBlob = (_digest, bytes) => Buffer.alloc(bytes.length);
    const benchmarks = await open();
    benchmarks.look();
    await benchmarks.idle();
    expect([cloud.benchmarks, starts()]).toEqual([[], { damaged: 0 }]);
    delete cloud.faults.corruptBlob;
    benchmarks.look();
    await benchmarks.idle();
    expect(endOf("damaged")).toMatchObject({ kind: "done" });
  });
});
