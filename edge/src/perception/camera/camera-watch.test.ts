import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HealthEvent } from "@fieldloop/shared/vision/camera-health/events";
import { defaultHealthSettings } from "@fieldloop/shared/vision/camera-health/settings";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { realFiles } from "../../platform/files.ts";
import { CameraWatch } from "./camera-watch.ts";
import type { Frame, FrameSink } from "./source.ts";
import { WatchStore } from "./watch-store.ts";

const [width, height] = [320, 240];
let random = 1;
const noise = () => {
  random = (random * 48_271) % 2_147_483_647;
  return (random / 2_147_483_647 - 0.5) * 6;
};

/** A wall of coloured tiles with a camera's noise; `covered` puts something dark and plain before it. */
function picture(covered = 0): Frame {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const tile = (Math.floor(x / 7) * 31 + Math.floor(y / 7) * 17) % 13;
      const isHidden = x < covered * width;
      const grain = noise();
      for (let c = 0; c < 3; c++) {
        const value = isHidden ? 70 : 60 + 12 * ((tile * (c + 2)) % 13);
        data[3 * (y * width + x) + c] = value + grain;
      }
    }
  }
  return { id: "f", capturedAt: 0, image: { kind: "raw", data, width, height } };
}

const quick = Object.fromEntries(
  Object.entries(defaultHealthSettings.conditions).map(([name, rule]) => [
    name,
    { ...rule, persistMs: 60_000, clearMs: 60_000 },
  ]),
) as typeof defaultHealthSettings.conditions;
const settings = { ...defaultHealthSettings, conditions: quick };
const pace = { lookMs: 0, focusMs: 0, registerMs: 1_000_000, commissionMs: 0 };

describe("a camera's watch", () => {
  let folder: string;
  let now = 1_000_000_000_000;
  const events: HealthEvent[] = [];
  const faults: string[] = [];
  const passed: string[] = [];
  const inner: FrameSink = {
    frame: async ({ id }) => {
      passed.push(id);
      return { kind: "accepted" };
    },
    dropped: (_, cause) => passed.push(cause),
    failed: (_, error) => passed.push(error.message),
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fieldloop-watch-"));
    for (const list of [events, faults, passed]) list.length = 0;
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function opened(): Promise<CameraWatch> {
    const watch = new CameraWatch({
      name: "belt",
      store: new WatchStore(realFiles, folder),
      settings,
      pace,
      now: () => now,
      onEvent: (event) => events.push(event),
      onFault: (message) => faults.push(message),
    });
    await watch.open();
    return watch;
  }

  /** Shows frames one after another, each after the look at the one before. */
  async function show(watch: CameraWatch, count: number, of: () => Frame): Promise<void> {
    const sink = watch.sink(inner);
    for (let i = 0; i < count; i++) {
      now += 20_000;
      await sink.frame(of());
      await watch.settled();
    }
  }

  it("knows no reference until it is commissioned, and says what it cannot tell", async () => {
    const watch = await opened();
    await show(watch, 2, picture);
    expect(watch.health()).toMatchObject({ reference: null, raised: [], commissioning: null });
    watch.commission({ thumbnails: 12 });
    await show(watch, 5, picture);
    expect(watch.health().commissioning).toEqual({ taken: 5, wanted: 12 });
    await show(watch, 7, picture);
    const { reference, commissioning } = watch.health();
    expect(commissioning).toBeNull();
    expect(reference).toEqual({ madeAt: now, thumbnails: 12, weaknesses: [] });
    const jpeg = await watch.referenceJpeg(4096);
    expect([...(jpeg?.subarray(0, 3) ?? [])]).toEqual([0xff, 0xd8, 0xff]);
    expect(jpeg?.length).toBeLessThanOrEqual(4096);
    expect(faults).toEqual([]);
    expect(passed).toHaveLength(14);
  });

  it("tells once what is wrong, remembers it through a restart, and tells when it is well", async () => {
    let watch = await opened();
    watch.commission({ thumbnails: 12 });
    await show(watch, 12, picture);
    await show(watch, 12, () => picture(0.5));
    expect(events.map(({ condition, phase }) => [condition, phase])).toEqual([
      ["covered", "raised"],
    ]);
    expect(events[0]?.message).toMatch(/^the camera is partly covered: \d+/);
    await watch.close();

    watch = await opened();
    expect(watch.health().raised.map(({ condition }) => condition)).toEqual(["covered"]);
    await show(watch, 12, picture);
    expect(events.map(({ condition, phase }) => `${condition} ${phase}`)).toEqual([
      "covered raised",
      "covered cleared",
    ]);
    await watch.close();
  });

  it("clears what was held against the old reference when it gets a new one", async () => {
    const watch = await opened();
    watch.commission({ thumbnails: 12 });
    await show(watch, 12, picture);
    await show(watch, 12, () => picture(0.5));
    watch.commission({ thumbnails: 12 });
    await show(watch, 12, () => picture(0.5));
    expect(events.at(-1)).toMatchObject({ condition: "covered", phase: "cleared" });
    expect(watch.health().raised).toEqual([]);
  });

  it("fulfils each wish of the cloud once, also over a restart", async () => {
    let watch = await opened();
    watch.commissionFor(500);
    watch.commissionFor(500);
    await show(watch, 30, picture);
    expect(watch.health().reference).toMatchObject({ thumbnails: 30 });
    watch.commissionFor(400);
    watch.commissionFor(0);
    expect(watch.health().commissioning).toBeNull();
    await watch.close();
    watch = await opened();
    watch.commissionFor(500);
    expect(watch.health().commissioning).toBeNull();
    watch.commissionFor(501);
    expect(watch.health().commissioning).toEqual({ taken: 0, wanted: 30 });
  });

  it("says why a reference cannot be made", async () => {
    const watch = await opened();
    const data = new Uint8Array(3 * width * height);
    const image = { kind: "raw", data, width, height } as const;
    watch.commission({ thumbnails: 10 });
    await show(watch, 10, () => ({ id: "dark", capturedAt: 0, image }));
    expect(faults).toEqual([
      "the camera belt could not be looked at: every thumbnail is dark; make the reference while the scene is lit",
    ]);
    expect(watch.health()).toMatchObject({ reference: null, commissioning: null });
  });

  it("shows how well the lens is turned", async () => {
    const watch = await opened();
    expect(watch.focus(0)).toBeUndefined();
    await show(watch, 1, picture);
    const first = watch.focus(0);
    expect(first).toMatchObject({ percent: 100, kind: "at-peak" });
    expect(watch.focus((first?.peak ?? 0) * 2)).toMatchObject({ percent: 50, kind: "below-peak" });
  });

  it("goes on without a reference that is damaged, and says so", async () => {
    await writeFile(join(folder, "reference.json"), '{"madeAt":1}');
    const watch = await opened();
    expect(faults[0]).toMatch(/reference\.json is damaged and is not used: /);
    expect(watch.health().reference).toBeNull();
  });

  it("survives a picture that cannot be decoded", async () => {
    const watch = await opened();
    const image = { kind: "encoded", bytes: Buffer.from("no picture") } as const;
    await show(watch, 1, () => ({ id: "x", capturedAt: 0, image }));
    expect(faults).toEqual([
      "the camera belt could not be looked at: the frame is not an image in a known format (JPEG, PNG, WebP or TIFF)",
    ]);
    expect(passed).toEqual(["x"]);
  });
});
