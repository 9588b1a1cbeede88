import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Box } from "../fit.ts";
import { factsSettings, type Zone, zoneSettings } from "./settings.ts";
import { advanceZone, endZone, newZoneMark, type ZoneChange } from "./zones.ts";

const dock = zoneSettings.parse({
  name: "dock",
  polygon: [
    [0.4, 0.4],
    [0.8, 0.4],
    [0.8, 0.8],
    [0.4, 0.8],
  ],
  dwellMsMin: 1000,
});

/** A box whose bottom centre is here. */
const standing = (x: number, y: number): Box => [x - 0.05, y - 0.1, x + 0.05, y];

/** Changes on a path of one place every 200 ms. */
function changesOf(zone: Zone, path: readonly (readonly [number, number])[]): ZoneChange[] {
  let mark = newZoneMark(zone);
  return path.flatMap(([x, y], i) => {
    const step = advanceZone(mark, zone, standing(x, y), i * 200);
    mark = step.mark;
    return step.changes;
  });
}

const at = (x: number, n = 1) => Array.from({ length: n }, () => [x, 0.6] as const);

describe("a zone", () => {
  it("is entered after enterMsMin, dated back, and left likewise", () => {
    const changes = changesOf({ ...dock, dwellMsMin: null }, [
      ...at(0.2),
      ...at(0.5, 4),
      ...at(0.2, 3),
    ]);
    expect(changes).toEqual([
      { kind: "zone-entered", zone: "dock", atMs: 200 },
      { kind: "zone-left", zone: "dock", atMs: 1000, stayMs: 800, how: "moved" },
    ]);
  });

  it("is not entered by one that passes in a single frame", () =>
    expect(changesOf(dock, [...at(0.2), ...at(0.5), ...at(0.9, 4)])).toEqual([]));

  it("is not left by one that trembles on its edge", () =>
    expect(
      changesOf({ ...dock, dwellMsMin: null }, [...at(0.41, 3), ...at(0.395, 20), ...at(0.405, 3)]),
    ).toEqual([{ kind: "zone-entered", zone: "dock", atMs: 0 }]));

  it("tells a long stay once", () =>
    expect(changesOf(dock, at(0.5, 20))).toEqual([
      { kind: "zone-entered", zone: "dock", atMs: 0 },
      { kind: "dwelled", zone: "dock", atMs: 1000, stayMs: 1000 },
    ]));

  it("tells the second stay too", () =>
    expect(
      changesOf(dock, [...at(0.5, 8), ...at(0.1, 4), ...at(0.5, 8)]).filter(
        ({ kind }) => kind === "dwelled",
      ),
    ).toHaveLength(2));

  it("goes by the feet, or by the middle", () => {
    const box = standing(0.6, 0.85); // feet below the zone, middle at its lower edge
    const inside = (zone: Zone) => advanceZone(newZoneMark(zone), zone, box, 0).mark.inside;
    const quick = { ...dock, enterMsMin: 0 };
    expect([inside(quick), inside({ ...quick, anchor: "centre", marginMin: 0 })]).toEqual([
      false,
      false,
    ]);
    expect(
      advanceZone(newZoneMark(quick), { ...quick, anchor: "centre" }, standing(0.6, 0.84), 0).mark
        .inside,
    ).toBe(true);
  });

  it("is left at the object's end", () => {
    const { mark } = advanceZone(
      newZoneMark(dock),
      { ...dock, enterMsMin: 0 },
      standing(0.5, 0.6),
      100,
    );
    expect(endZone(mark, 500).changes).toEqual([
      { kind: "zone-left", zone: "dock", atMs: 500, stayMs: 400, how: "ended" },
    ]);
  });

  it("is entered and left in turn on any path", () => {
    const x = fc.integer({ min: 0, max: 100 }).map((n) => n / 100);
    fc.assert(
      fc.property(fc.array(fc.tuple(x, x), { maxLength: 60 }), (path) => {
        const kinds = changesOf({ ...dock, dwellMsMin: null, enterMsMin: 0 }, path).map(
          ({ kind }) => kind,
        );
        expect(kinds).toEqual(kinds.map((_, i) => (i % 2 === 0 ? "zone-entered" : "zone-left")));
      }),
      { numRuns: 200 },
    );
  });

  it("needs a name of its own and a polygon that can be drawn", () => {
    const zone = {
      name: "a",
      polygon: [
        [0, 0],
        [1, 0],
        [1, 1],
      ],
    };
    const messages = (input: unknown) =>
      factsSettings.safeParse(input).error?.issues.map(({ message }) => message);
    expect(messages({ zones: [zone, zone] })).toEqual(["every zone needs a name of its own"]);
    expect(
      messages({
        zones: [
          {
            ...zone,
            polygon: [
              [0, 0],
              [1, 0],
            ],
          },
        ],
      }),
    ).toEqual(["a polygon has 3 to 64 corners, this one has 2"]);
    expect(messages({ tracking: { scoreLowMin: 0.6 } })).toEqual([
      "scoreLowMin must not be above scoreHighMin",
    ]);
  });
});
