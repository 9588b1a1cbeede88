import { describe, expect, it } from "vitest";
import { binRows, callRows, type Routing, reasonRows } from "./hybrid-rows.ts";

const nothing = { frames: 0, offloaded: 0, compared: 0, agreed: 0 };
const routing: Routing = {
  mode: "sync",
  cloudModel: "teacher",
  breaker: "closed",
  frames: 100,
  offloaded: 20,
  local: { easy: 70, breaker: 10, constructor: 1 },
  offload: { unsure: 19, "by-moonlight": 1 },
  calls: { answered: 15, timeout: 5 },
  compared: 15,
  agreed: 6,
  bytesSent: 1,
  bytesReceived: 1,
  callMs: null,
  bins: [
    { ...nothing, frames: 80 },
    nothing,
    { ...nothing, frames: 20, offloaded: 20, compared: 15, agreed: 6 },
  ],
};

describe("why a device asks the cloud", () => {
  it("is told by reason, the most frequent first; reasons of a newer agent keep their name", () => {
    expect(reasonRows(routing).map(({ text, tone, count }) => [text, tone, count])).toEqual([
      ["stayed: easy", "ok", 70],
      ["went: the model was unsure", "info", 19],
      ["stayed: the breaker is open", "warn", 10],
      ["constructor", "warn", 1],
      ["by-moonlight", "info", 1],
    ]);
    expect(callRows(routing).map(({ text, tone }) => [text, tone])).toEqual([
      ["answered in time", "ok"],
      ["given up: no answer", "warn"],
    ]);
  });

  it("is told by hardness, where there were frames", () => {
    expect(binRows(routing)).toEqual([
      { from: 0, to: 1 / 3, frames: 80, offloaded: 0, agreement: null },
      { from: 2 / 3, to: 1, frames: 20, offloaded: 20, agreement: 0.4 },
    ]);
  });
});
