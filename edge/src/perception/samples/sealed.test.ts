/** What lies on the disk: samples and the ring. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SampleReason } from "@fieldloop/shared/samples/sample";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { realFiles } from "../../platform/files.ts";
import { FrameRing, type RingFrame } from "./frame-ring.ts";
import { SampleStore } from "./sample-store.ts";
import { deviceKey, seal, unseal } from "./seal.ts";

let folder: string;
let key: Uint8Array;
const faults: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "samples-"));
  key = await deviceKey(realFiles, join(folder, "device.key"));
  faults.splice(0);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the device's key", () => {
  it("is made once, for its owner alone", async () => {
    expect(await deviceKey(realFiles, join(folder, "device.key"))).toEqual(Buffer.from(key));
    expect(statSync(join(folder, "device.key")).mode & 0o777).toBe(0o600);
  });

  it("is never replaced: what it sealed would be lost", async () => {
    writeFileSync(join(folder, "device.key"), "short");
    await expect(deviceKey(realFiles, join(folder, "device.key"))).rejects.toThrow(
      /device\.key is no device key: it has 5 bytes and not 32; put the right file back/,
    );
  });

  it("opens what it sealed, under its name, and nothing else", () => {
    const sealed = seal(Buffer.from("picture"), key, "sample 1");
    expect(unseal(sealed, key, "sample 1").toString()).toBe("picture");
    expect(() => unseal(sealed, key, "sample 2")).toThrow("sample 2 cannot be opened");
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(() => unseal(changed, key, "sample 1")).toThrow("cannot be opened");
      expect(() => unseal(sealed.subarray(0, i), key, "sample 1")).toThrow("cannot be opened");
    }
  });
});

const local = { model: "eggs@1.0.0", label: "clean", confidence: 0.6, detections: null };
const sample = (i: number, reasons: SampleReason[] = ["uncertain"], size = 1000) => {
  const jpeg = Buffer.alloc(size, i);
  const about = {
    camera: "belt",
    frame: `f${i}`,
    capturedAt: 1000 + i,
    reasons,
    share: 1,
    hardness: 0.7,
    local,
    cloud: null,
    blurred: false,
    width: 10,
    height: 10,
    bytes: size,
  };
  return { digest: sha256Of(jpeg), about, jpeg };
};
const openStore = async () => {
  const onFault = (message: string) => void faults.push(message);
  const store = new SampleStore({
    files: realFiles,
    folder: join(folder, "samples"),
    key,
    onFault,
  });
  await store.open();
  return store;
};

describe("kept samples", () => {
  it("are read again after a restart, and nobody else can read them", async () => {
    const kept = sample(7);
    await (await openStore()).keep(kept, 4, 1e6);
    const again = await openStore();
    expect(await again.read(kept.digest)).toEqual({ ...kept, jpeg: Buffer.from(kept.jpeg) });
    const [file = ""] = readdirSync(join(folder, "samples"));
    const bytes = readFileSync(join(folder, "samples", file));
    expect(bytes.includes("belt")).toBe(false);
    expect(bytes.includes(Buffer.alloc(32, 7))).toBe(false);
    expect(statSync(join(folder, "samples", file)).mode & 0o777).toBe(0o600);
  });

  it("make room for what is wanted more: first what the cloud has, then the least wanted, oldest first", async () => {
    const store = await openStore();
    const [a, b, c, d] = [sample(1, ["random"]), sample(2), sample(3), sample(4, ["random"])];
    for (const [one, worth] of [
      [a, 1],
      [b, 4],
      [c, 4],
      [d, 1],
    ] as const)
      await store.keep(one, worth, 1e6);
    await store.sent(c.digest);
    const total = store.entries.reduce((sum, { bytes }) => sum + bytes, 0);
    const left: number[][] = [];
    for (const i of [5, 6, 7]) {
      await store.keep(sample(i), 4, total + 50);
      left.push(store.entries.map(({ at }) => at - 1000).sort());
    }
    expect(left).toEqual([
      [1, 2, 4, 5],
      [2, 4, 5, 6],
      [2, 5, 6, 7],
    ]);
    // What is wanted less than all that is there finds no room.
    expect(await store.keep(sample(8, ["random"]), 1, total + 50)).toBe(false);
    expect(await store.keep(sample(9, ["disagreement"], 100_000), 5, total + 50)).toBe(false);
    expect((await openStore()).entries).toHaveLength(4);
  });

  it("that are damaged are told and dropped; what a crash left goes", async () => {
    const store = await openStore();
    const kept = sample(1);
    await store.keep(kept, 4, 1e6);
    const [file = ""] = readdirSync(join(folder, "samples"));
    const bytes = readFileSync(join(folder, "samples", file));
    writeFileSync(join(folder, "samples", file), bytes.subarray(0, 500));
    writeFileSync(join(folder, "samples", `${file}.tmp`), "half");
    const again = await openStore();
    expect(await again.read(kept.digest)).toBeUndefined();
    expect(faults).toEqual([expect.stringContaining("a sample was dropped: sample")]);
    expect(readdirSync(join(folder, "samples"))).toEqual([]);
  });
});

describe("the frame ring", () => {
  const limits = { hours: 1, fps: 1, bytesMax: 1e9 };
  let now = 0;
  const openRing = async () => {
    const ring = new FrameRing({
      files: realFiles,
      folder: join(folder, "ring"),
      key,
      now: () => now,
    });
    await ring.open();
    return ring;
  };
  const frame = (i: number, size = 500): RingFrame => ({
    camera: i % 2 === 0 ? "belt" : "door",
    frame: `f${i}`,
    capturedAt: 1000 * i,
    local,
    jpeg: Buffer.alloc(size, i),
  });
  const framesOf = async (ring: FrameRing, wanted: Parameters<FrameRing["read"]>[0] = {}) => {
    const found: string[] = [];
    for await (const one of ring.read(wanted, (message) => faults.push(message)))
      found.push(one.frame);
    return found;
  };

  it("gives back what it was given, by camera and time, over restarts", async () => {
    const ring = await openRing();
    for (let i = 0; i < 10; i++) await ring.add(frame(i), limits);
    await ring.close();
    const again = await openRing();
    for (let i = 10; i < 12; i++) await again.add(frame(i), limits);
    const all = Array.from({ length: 12 }, (_, i) => `f${i}`);
    expect(await framesOf(again)).toEqual(all);
    expect(await framesOf(again, { camera: "door", from: 3000, to: 9000 })).toEqual([
      "f3",
      "f5",
      "f7",
      "f9",
    ]);
    expect(faults).toEqual([]);
  });

  it("takes at most so many frames a second of each camera, and goes on when the clock is set back", async () => {
    const ring = await openRing();
    const taken = [0, 400, 1000, 1999, 2000, 500, 600].filter((at) =>
      ring.wants("belt", at, limits),
    );
    expect(taken).toEqual([0, 1000, 2000, 500]);
    expect(ring.wants("door", 0, limits)).toBe(true);
    expect(ring.wants("door", 5000, { ...limits, hours: 0 })).toBe(false);
  });

  it("deletes the oldest segments by their number, not by their name", async () => {
    const ring = await openRing();
    for (let i = 0; i < 12; i++) {
      now += 60_000; // each record ends its segment
      await ring.add(frame(i), limits);
      now += 60_000;
      await ring.add(frame(i + 100), limits);
    }
    await ring.close();
    expect(readdirSync(join(folder, "ring")).length).toBe(12);
    const again = await openRing();
    await again.add(frame(50), { ...limits, bytesMax: 6000 });
    const names = readdirSync(join(folder, "ring")).map((name) =>
      Number(name.replace(".ring", "")),
    );
    expect(Math.min(...names)).toBeGreaterThan(7);
    expect(again.bytes).toBeLessThanOrEqual(6000 + 1500);
    now += 2 * 3_600_000;
    await again.add(frame(51), limits);
    expect(await framesOf(again)).toEqual(["f50", "f51"]);
  });

  it("loses only the record that a power cut went through, wherever it is cut", async () => {
    const ring = await openRing();
    for (let i = 0; i < 3; i++) await ring.add(frame(i, 40), limits);
    await ring.close();
    const path = join(folder, "ring", "1.ring");
    const whole = readFileSync(path);
    const ends = [0];
    for (let at = 0; at < whole.length; ) {
      at += 4 + whole.readUInt32LE(at);
      ends.push(at);
    }
    for (let cut = 0; cut <= whole.length; cut += 7) {
      writeFileSync(path, whole.subarray(0, cut));
      const found = await framesOf(await openRing());
      const complete = ends.filter((end) => end > 0 && end <= cut).length;
      expect(found).toEqual(Array.from({ length: complete }, (_, i) => `f${i}`));
    }
  });
});
