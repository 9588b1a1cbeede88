import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Corner, outlineOf, regionsOf, simplified } from "./contours.ts";
import { decide, type OutputTensor, type Reading } from "./decide.ts";
import { outlineOfMask } from "./decode-segmentation.ts";
import { centred } from "./fit.ts";

const width = 24;
const height = 18;

/** Cells whose middle lies inside an outline (even-odd rule). */
function filled(outline: readonly Corner[]): Set<number> {
  const cells = new Set<number>();
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let inside = false;
      outline.forEach(([ax, ay], i) => {
        const [bx, by] = outline[(i + 1) % outline.length]!;
        if (ay > y + 0.5 === by > y + 0.5) return;
        if (x + 0.5 < ax + ((y + 0.5 - ay) / (by - ay)) * (bx - ax)) inside = !inside;
      });
      if (inside) cells.add(y * width + x);
    }
  return cells;
}

/** Blobs: discs that overlap, as objects do. */
const blob = fc
  .array(
    fc.record({
      x: fc.integer({ min: 2, max: width - 2 }),
      y: fc.integer({ min: 2, max: height - 2 }),
      radius: fc.integer({ min: 1, max: 5 }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((discs) =>
    Uint8Array.from({ length: width * height }, (_, cell) => {
      const [x, y] = [cell % width, Math.floor(cell / width)];
      return discs.some((disc) => Math.hypot(disc.x - x, disc.y - y) <= disc.radius) ? 1 : 0;
    }),
  );
const noise = fc
  .array(fc.integer({ min: 0, max: 2 }), { minLength: width * height, maxLength: width * height })
  .map((cells) => Uint8Array.from(cells));

/** A region with its holes, which outlines fill. */
function withoutHoles(cells: ReadonlySet<number>): Set<number> {
  const outside = new Set<number>();
  const open: [number, number][] = [[-1, -1]];
  const key = (x: number, y: number) => (y + 1) * (width + 2) + x + 1;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [x, y] = next;
    const inside = x >= 0 && y >= 0 && x < width && y < height;
    if (x < -1 || y < -1 || x > width || y > height || outside.has(key(x, y))) continue;
    if (inside && cells.has(y * width + x)) continue;
    outside.add(key(x, y));
    // Diagonals too: a region is connected along sides only, so what is around it is not.
    for (const dx of [-1, 0, 1]) for (const dy of [-1, 0, 1]) open.push([x + dx, y + dy]);
  }
  return new Set(
    Array.from({ length: width * height }, (_, cell) => cell).filter(
      (cell) => !outside.has(key(cell % width, Math.floor(cell / width))),
    ),
  );
}

describe("outlines of regions", () => {
  it("hold exactly the region's cells, its holes filled, whatever the map", () => {
    fc.assert(
      fc.property(fc.oneof(blob, noise), (map) => {
        const regions = regionsOf(map, width, 0, 1);
        const total = regions.reduce((sum, { cells }) => sum + cells.length, 0);
        expect(total).toBe(map.filter((value) => value !== 0).length);
        for (const region of regions) {
          const found = filled(outlineOf(region, width));
          expect(found).toEqual(withoutHoles(new Set(region.cells)));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("lose little when corners are left out, and stay within their bound", () => {
    fc.assert(
      fc.property(blob, fc.integer({ min: 4, max: 64 }), (map, cornersMax) => {
        for (const region of regionsOf(map, width, 0, 40)) {
          const outline = outlineOf(region, width);
          const simple = simplified(outline, 0.75, cornersMax);
          expect(simple.length).toBeLessThanOrEqual(cornersMax);
          expect(simple.length).toBeGreaterThanOrEqual(3);
          if (cornersMax < 64) continue;
          const [before, after] = [filled(outline), filled(simple)];
          const both = [...before].filter((cell) => after.has(cell)).length;
          expect(both / (before.size + after.size - both)).toBeGreaterThanOrEqual(0.9);
        }
      }),
      { numRuns: 100 },
    );
  });
});

const tensor = (data: readonly number[] | Float32Array, dims: readonly number[]): OutputTensor => ({
  data: Float32Array.from(data),
  dims,
});

describe("a segmentation model", () => {
  const reading: Reading = {
    labels: ["road", "person"],
    output: {
      kind: "segmentation",
      scores: "map",
      layout: "NCHW",
      activation: "softmax",
      background: 0,
      scoreMin: 0.5,
      areaShareMin: 0.01,
      detectionsMax: 10,
    },
    temperature: 1,
  };
  const geometry = centred({ width: 24, height: 18 }, { width: 24, height: 18 });
  /** Logits of three classes for a map of class numbers. */
  const logits = (map: (x: number, y: number) => number) =>
    tensor(
      Array.from({ length: 3 * width * height }, (_, i) => {
        const cell = i % (width * height);
        const own = map(cell % width, Math.floor(cell / width));
        return own === Math.floor(i / (width * height)) ? 4 : 0;
      }),
      [1, 3, height, width],
    );

  it("finds each connected part of a class, with its outline as fractions of the frame", () => {
    const map = (x: number, y: number): number =>
      y >= 12 ? 1 : x >= 4 && x < 8 && y >= 2 && y < 8 ? 2 : x === 20 && y === 2 ? 2 : 0;
    const { detections, confidence, label } = decide(reading, { map: logits(map) }, geometry);
    expect(label).toBeNull();
    expect(confidence).toBeCloseTo(Math.exp(4) / (Math.exp(4) + 2), 6);
    expect(detections?.map((found) => [found.label, found.box])).toEqual(
      expect.arrayContaining([
        ["road", [0, 12 / 18, 1, 1]],
        ["person", [4 / 24, 2 / 18, 8 / 24, 8 / 18]], // the single cell is too small
      ]),
    );
    expect(detections).toHaveLength(2);
    expect(detections?.find((found) => found.label === "person")?.polygon).toEqual([
      [4 / 24, 2 / 18],
      [8 / 24, 2 / 18],
      [8 / 24, 8 / 18],
      [4 / 24, 8 / 18],
    ]);
  });

  it("reads a map whose classes lie innermost, and takes letterbox bars off", () => {
    const { output } = reading;
    const innermost = {
      ...reading,
      output: { ...output, layout: "NHWC", activation: "none" },
    } as Reading; // checked by its use
    const map = tensor(
      Array.from({ length: 3 * width * height }, (_, i) => {
        const y = Math.floor(i / 3 / width);
        return i % 3 === (y >= 9 && y < 15 ? 1 : 0) ? 0.9 : 0.05;
      }),
      [1, height, width, 3],
    );
    const bars = centred({ width: 24, height: 12 }, { width: 24, height: 18 });
    const { detections } = decide(innermost, { map }, bars);
    expect(detections).toMatchObject([{ label: "road", box: [0, 0.5, 1, 1] }]);
    expect(detections?.[0]?.score).toBeCloseTo(0.9, 6);
  });

  it("gives only numbers from 0 to 1, whatever numbers the model gives", () => {
    const wild = fc.oneof(
      fc.double(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    );
    const cells = 3 * 6 * 4;
    fc.assert(
      fc.property(fc.array(wild, { minLength: cells, maxLength: cells }), (values) => {
        const { detections } = decide(reading, { map: tensor(values, [1, 3, 4, 6]) }, geometry);
        for (const { box, score, polygon } of detections ?? []) {
          expect([...box, score, ...(polygon ?? []).flat()].every((v) => v >= 0 && v <= 1)).toBe(
            true,
          );
          expect(polygon!.length).toBeLessThanOrEqual(64);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe("a mask from prototypes", () => {
  it("is where their weighted sum is positive, within the box", () => {
    // One prototype is positive left of the middle, the other everywhere.
    const prototypes = Float32Array.from({ length: 2 * 8 * 8 }, (_, i) =>
      i < 64 ? (i % 8 < 4 ? 1 : -1) : 1,
    );
    const size = { width: 8, height: 8 };
    const outline = outlineOfMask(Float32Array.of(2, 0), prototypes, size, [0.25, 0.25, 1, 0.75]);
    expect(outline).toEqual([
      [0.25, 0.25],
      [0.5, 0.25],
      [0.5, 0.75],
      [0.25, 0.75],
    ]);
    expect(outlineOfMask(Float32Array.of(0, -1), prototypes, size, [0, 0, 1, 1])).toBeUndefined();
  });
});
