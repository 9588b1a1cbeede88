import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LABELS, openScene, truthAt, WORLDS, type World } from "./egg-line.ts";
import { eggAt } from "./item.ts";
import { hashText } from "./random.ts";

const NOON = Date.UTC(2026, 5, 1, 12);
const MIDNIGHT = Date.UTC(2026, 5, 1, 0);

function open(world: World, seed = "egg-cam-1") {
  return openScene({ seed, settings: { world } });
}

/** The first tick at which a camera sees a label. */
function tickOf(label: string, seed = "egg-cam-1", from = 0): number {
  let tick = from;
  while (truthAt(seed, tick) !== label) tick++;
  return tick;
}

/** Mean of each channel over a rectangle. */
function mean(frame: Uint8Array, left: number, top: number, right: number, bottom: number) {
  const sums: [number, number, number] = [0, 0, 0];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      for (let c = 0; c < 3; c++) sums[c]! += frame[(y * 320 + x) * 3 + c]!;
    }
  }
  return sums.map((sum) => sum / ((right - left) * (bottom - top))) as [number, number, number];
}

const shell = (frame: Uint8Array) => mean(frame, 145, 100, 175, 140);
const whole = (frame: Uint8Array) => mean(frame, 0, 0, 320, 240);

/** Mean difference of neighbours along rows, on the roller and rail side of the frame: sharpness. */
function sharpness(frame: Uint8Array): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < 240; y++) {
    for (let x = 70; x < 250; x++) {
      const at = (y * 320 + x) * 3;
      sum += Math.abs(frame[at + 4]! - frame[at + 1]!);
      count++;
    }
  }
  return sum / count;
}

describe("the egg line", () => {
  it("gives equal frames for equal seed, settings, tick and time, in any order", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...WORLDS),
        fc.array(fc.integer({ min: 0, max: 4_000_000_000 }), { minLength: 1, maxLength: 3 }),
        (world, ticks) => {
          const first = open(world);
          const frames = ticks.map((tick) => Uint8Array.from(first.render(tick, NOON)));
          const second = open(world);
          for (const [i, tick] of [...ticks.entries()].reverse()) {
            expect(Buffer.compare(second.render(tick, NOON), frames[i]!)).toBe(0);
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  it("draws 320 by 240 RGB into a buffer that it uses again", () => {
    const scene = open("normal");
    const first = scene.render(1, NOON);
    expect([scene.width, scene.height, first.length]).toEqual([320, 240, 3 * 320 * 240]);
    expect(scene.render(2, NOON)).toBe(first);
  });

  it("shows every camera and every tick something else", () => {
    const one = Uint8Array.from(open("normal").render(5, NOON));
    expect(Buffer.compare(open("normal").render(6, NOON), one)).not.toBe(0);
    expect(Buffer.compare(open("normal", "egg-cam-2").render(5, NOON), one)).not.toBe(0);
  });

  it("is normal without a setting", () => {
    const plain = openScene({ seed: "a", settings: {} }).render(3, NOON);
    expect(Buffer.compare(plain, open("normal", "a").render(3, NOON))).toBe(0);
  });

  it("names an unknown setting or world, and what is allowed", () => {
    expect(() => openScene({ seed: "a", settings: { wrold: "normal" } })).toThrow(
      'The egg line has no setting "wrold"; the only one is "world".',
    );
    expect(() => openScene({ seed: "a", settings: { world: "green-eggs" } })).toThrow(
      'The egg line has no world "green-eggs"; choose normal, lamp-aging, dirty-lens or brown-eggs.',
    );
  });

  it("changes its world between frames, and stays as it was when the change is refused", () => {
    const scene = open("normal");
    scene.configure({ world: "brown-eggs" });
    const brown = Uint8Array.from(scene.render(9, NOON));
    expect(Buffer.compare(brown, open("brown-eggs").render(9, NOON))).toBe(0);
    expect(() => scene.configure({ world: "nowhere" })).toThrow("nowhere");
    expect(Buffer.compare(scene.render(9, NOON), brown)).toBe(0);
  });
});

describe("what passes the camera", () => {
  it("has the line's mix of labels", () => {
    const counts = new Map(LABELS.map((label) => [label, 0]));
    for (let tick = 0; tick < 20_000; tick++) {
      const label = truthAt("egg-cam-1", 3_500_000_000 + tick);
      counts.set(label, counts.get(label)! + 1);
    }
    const shares = Object.fromEntries([...counts].map(([label, n]) => [label, n / 20_000]));
    expect(shares.clean).toBeCloseTo(0.62, 1);
    expect(Math.abs(shares.clean! - 0.62)).toBeLessThan(0.02);
    expect(Math.abs(shares.cracked! - 0.1)).toBeLessThan(0.01);
    expect(Math.abs(shares.dirty! - 0.11)).toBeLessThan(0.01);
    expect(Math.abs(shares.misshapen! - 0.07)).toBeLessThan(0.01);
    expect(Math.abs(shares.empty! - 0.1)).toBeLessThan(0.01);
  });

  it("is an egg inside the frame, except where the cup is empty", () => {
    for (let tick = 0; tick < 3000; tick++) {
      const egg = eggAt(hashText("egg-cam-7"), tick);
      expect(egg === null).toBe(truthAt("egg-cam-7", tick) === "empty");
      if (egg === null) continue;
      expect(egg.centreY - egg.halfLength).toBeGreaterThan(5);
      expect(egg.centreY + egg.halfLength).toBeLessThan(235);
    }
  });

  it("is brighter where an egg lies than where none does", () => {
    const scene = open("normal");
    const egg = shell(scene.render(tickOf("clean"), NOON));
    const none = shell(scene.render(tickOf("empty"), NOON));
    expect(egg[1] - none[1]).toBeGreaterThan(100);
  });
});

describe("the worlds", () => {
  const clean = tickOf("clean");

  it("lamp-aging is darker and warmer, and flickers", () => {
    const usual = shell(open("normal").render(clean, NOON));
    const old = shell(open("lamp-aging").render(clean, NOON));
    expect(old[1]).toBeLessThan(usual[1] - 12);
    expect(old[0] / old[2]).toBeGreaterThan(1.12 * (usual[0] / usual[2]));
    const flicker = (world: World) => {
      const scene = open(world);
      const rails = Array.from(
        { length: 40 },
        (_, t) => mean(scene.render(t, NOON), 60, 0, 260, 8)[1],
      );
      const middle = rails.reduce((a, b) => a + b) / rails.length;
      return Math.sqrt(rails.reduce((a, b) => a + (b - middle) ** 2, 0) / rails.length) / middle;
    };
    expect(flicker("lamp-aging")).toBeGreaterThan(4 * flicker("normal"));
  });

  it("dirty-lens is blurred and hazy", () => {
    const sharp = Uint8Array.from(open("normal").render(clean, NOON));
    const dull = Uint8Array.from(open("dirty-lens").render(clean, NOON));
    expect(sharpness(dull)).toBeLessThan(0.9 * sharpness(sharp));
    const corner = (frame: Uint8Array) => mean(frame, 0, 100, 15, 140)[1];
    expect(corner(dull)).toBeGreaterThan(corner(sharp) + 10);
  });

  it("brown-eggs changes the shells and leaves the empty line alone", () => {
    const brown = shell(open("brown-eggs").render(clean, NOON));
    expect(brown[0] / brown[2]).toBeGreaterThan(1.4);
    const empty = tickOf("empty");
    const line = Uint8Array.from(open("normal").render(empty, NOON));
    expect(Buffer.compare(open("brown-eggs").render(empty, NOON), line)).toBe(0);
  });

  it("shows the same truth in every world: a dirty white egg is darker in places, a clean one is even", () => {
    const spread = (frame: Uint8Array) => {
      const values = [];
      for (let y = 80; y < 160; y++) {
        for (let x = 130; x < 190; x++) values.push(frame[(y * 320 + x) * 3 + 2]!);
      }
      values.sort((a, b) => a - b);
      return values[Math.floor(values.length / 2)]! - values[Math.floor(values.length / 50)]!;
    };
    const scene = open("normal");
    const average = (label: string) => {
      let tick = 0;
      let sum = 0;
      for (let n = 0; n < 12; n++) {
        tick = tickOf(label, "egg-cam-1", tick + 1);
        sum += spread(scene.render(tick, NOON));
      }
      return sum / 12;
    };
    expect(average("dirty")).toBeGreaterThan(1.3 * average("clean"));
  });

  it("follows the day a little: noon is some percent brighter than midnight", () => {
    const noon = whole(open("normal").render(clean, NOON))[1];
    const night = whole(open("normal").render(clean, MIDNIGHT))[1];
    expect(noon / night).toBeGreaterThan(1.005);
    expect(noon / night).toBeLessThan(1.06);
  });
});
