import { expect, it } from "vitest";
import { factRows } from "./fact-rows.ts";

it("adds up what passed, takes corrections into account, and leaves out what it does not know", () => {
  const points = [
    {
      facts: {
        "zone/bay/entered": 9,
        "object/egg": 3,
        "line/gate/left-to-right/egg": 2,
        "line/gate/left-to-right/stone": 1,
        "tomorrow/what": 5,
      },
    },
    {
      facts: {
        "object/stone": 4,
        "line/gate/left-to-right/stone": -1,
        "line/gate/left-to-right/egg": 1,
        "line/gate/right-to-left/egg": 1,
      },
    },
  ];
  expect(factRows(points).map(({ text, count }) => [text, count])).toEqual([
    ["stone", 4],
    ["egg", 3],
    ["egg, across gate from left to right", 3],
    ["egg, across gate from right to left", 1],
    ["zone bay: entered", 9],
  ]);
});
