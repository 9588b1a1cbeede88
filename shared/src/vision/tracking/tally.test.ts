import fc from "fast-check";
import { expect, it } from "vitest";
import { type FactEvent, factSentence, type SeenObject } from "./events.ts";
import { readTallyKey, tallyOf } from "./tally.ts";

const object = (label: string): SeenObject => ({
  track: 7,
  label,
  share: 1,
  margin: 1,
  frames: 5,
  firstSeenAtMs: 0,
  lastSeenAtMs: 900,
  bestFrame: "3",
  bestBox: null,
  box: null,
});
const common = (label: string) => ({ atMs: 900, object: object(label) });
const gate = { line: "gate", direction: "left-to-right" } as const;

it.each<[FactEvent, readonly (readonly [string, number])[], string]>([
  [{ kind: "object-appeared", ...common("egg") }, [], "egg 7 appeared"],
  [{ kind: "object-seen", ...common("egg") }, [["object/egg", 1]], "egg 7 was seen in 5 frames"],
  [
    { kind: "line-crossed", ...common("egg"), ...gate },
    [["line/gate/left-to-right/egg", 1]],
    "egg 7 crossed gate left to right",
  ],
  [
    { kind: "line-corrected", ...common("egg"), ...gate, counted: "stone" },
    [
      ["line/gate/left-to-right/stone", -1],
      ["line/gate/left-to-right/egg", 1],
    ],
    "egg 7 had crossed gate counted as stone",
  ],
  [
    { kind: "zone-entered", ...common("egg"), zone: "bay" },
    [["zone/bay/entered", 1]],
    "egg 7 entered bay",
  ],
  [
    { kind: "zone-left", ...common("egg"), zone: "bay", stayMs: 2340, how: "moved" },
    [["zone/bay/left", 1]],
    "egg 7 left bay after 2.3 s",
  ],
  [
    { kind: "dwelled", ...common("egg"), zone: "bay", stayMs: 5000 },
    [["zone/bay/dwelled", 1]],
    "egg 7 has been in bay for 5 s",
  ],
])("counts and says $kind", (event, counts, sentence) => {
  expect(tallyOf(event)).toEqual(counts);
  expect(factSentence(event)).toBe(sentence);
});

it("reads every key it writes, whatever the class is called", () => {
  const label = fc.string({ minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(label, (name) => {
      const [[objectKey]] = tallyOf({ kind: "object-seen", ...common(name) }) as [[string, 1]];
      const [[lineKey]] = tallyOf({ kind: "line-crossed", ...common(name), ...gate }) as [
        [string, 1],
      ]; // one each
      expect(readTallyKey(objectKey)).toEqual({ kind: "object", label: name });
      expect(readTallyKey(lineKey)).toEqual({ kind: "line", ...gate, label: name });
    }),
    { numRuns: 200 },
  );
  expect(readTallyKey("zone/bay/dwelled")).toEqual({ kind: "zone", zone: "bay", what: "dwelled" });
});

it.each(["", "object/", "line/gate/up/egg", "line/gate/left-to-right/", "zone/bay", "other/x"])(
  "does not take %s for a key",
  (key) => expect(readTallyKey(key)).toBeUndefined(),
);
