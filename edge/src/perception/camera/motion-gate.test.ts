import { encodeJpeg } from "@fieldloop/shared-node/image";
import { describe, expect, it } from "vitest";
import { MotionGate } from "./motion-gate.ts";
import type { MotionGateSettings } from "./settings.ts";
import type { Frame, FrameSink } from "./source.ts";

const settings: MotionGateSettings = {
  areaShareMin: 0.004,
  levelsMin: 6,
  holdMs: 1000,
  idleMs: 10_000,
};
const [width, height] = [160, 120];

/** A belt; `object` is where something lies on it, pixels from the left. */
function belt(id: number, object?: number): Frame {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isObject = object !== undefined && x >= object && x < object + 20 && y > 40 && y < 60;
      data.fill(isObject ? 220 : 60 + ((x + y) % 20), 3 * (y * width + x), 3 * (y * width + x) + 3);
    }
  }
  return { id: String(id), capturedAt: id, image: { kind: "raw", data, width, height } };
}

function gated(region?: readonly [number, number, number, number]) {
  const passed: string[] = [];
  const left: string[] = [];
  const sink: FrameSink = {
    frame: async ({ id }) => {
      passed.push(id);
      return { kind: "accepted" };
    },
    dropped: (id, cause) => left.push(`${id} ${cause}`),
    failed: (_, error) => left.push(error.message),
  };
  let now = 0;
  const gate = new MotionGate({ sink, settings, region, clock: () => now });
  const show = async (frame: Frame, atMs: number) => {
    now = atMs;
    return await gate.frame(frame);
  };
  return { gate, show, passed, left };
}

describe("a camera that is watched for motion", () => {
  it("leaves out what does not move, but for one frame now and then", async () => {
    const { show, passed, left } = gated();
    for (let i = 0; i < 150; i++) await show(belt(i), 200 * i);
    // The first second, of which nothing is known, and then every ten.
    expect(passed).toEqual(["0", "1", "2", "3", "4", "5", "55", "105"]);
    expect(left).toHaveLength(142);
    expect(left[0]).toBe("6 still");
  });

  it("lets through all that moves, and what comes within a second after", async () => {
    const { show, passed } = gated();
    for (let i = 0; i < 20; i++) await show(belt(i), 200 * i);
    passed.length = 0;
    for (let i = 20; i < 25; i++) await show(belt(i, 10 * (i - 20)), 200 * i);
    for (let i = 25; i < 40; i++) await show(belt(i), 200 * i);
    expect(passed).toEqual(["20", "21", "22", "23", "24", "25", "26", "27", "28", "29"]);
  });

  it("sees motion in its region only", async () => {
    const { show, passed } = gated([0.5, 0, 1, 1]);
    for (let i = 0; i < 20; i++) await show(belt(i), 200 * i);
    passed.length = 0;
    for (let i = 20; i < 26; i++) await show(belt(i, 4 * (i - 20)), 200 * i);
    expect(passed).toEqual([]);
    await show(belt(26, 100), 200 * 26);
    expect(passed).toEqual(["26"]);
  });

  it("looks at JPEG pictures too, and leaves broken ones to whoever decodes them", async () => {
    const { show, passed } = gated();
    const jpeg = async (frame: Frame): Promise<Frame> => ({
      ...frame,
      image: {
        kind: "encoded",
        bytes: await encodeJpeg(frame.image, { widthMax: 160, bytesMax: 50_000 }),
      },
    });
    for (let i = 0; i < 12; i++) await show(await jpeg(belt(i)), 200 * i);
    expect(passed).toHaveLength(6);
    await show(await jpeg(belt(12, 30)), 2400);
    expect(passed.at(-1)).toBe("12");
    const broken = { kind: "encoded", bytes: Buffer.from("no picture") } as const;
    const offer = await show({ id: "x", capturedAt: 0, image: broken }, 60_000);
    expect(offer).toEqual({ kind: "accepted" });
  });

  it("keeps frames in their order when several come at once", async () => {
    const { gate, passed } = gated();
    await Promise.all(Array.from({ length: 6 }, (_, i) => gate.frame(belt(i, 10 * i))));
    expect(passed).toEqual(["0", "1", "2", "3", "4", "5"]);
  });
});
