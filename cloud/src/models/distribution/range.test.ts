import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerRange } from "./range.ts";

const etag = '"abc"';
const answer = (header: string | undefined, ifRange?: string) =>
  answerRange(header, ifRange, etag, 100);

describe("answerRange", () => {
  it.each([
    ["bytes=0-9", { kind: "part", start: 0, end: 9 }],
    ["bytes=90-", { kind: "part", start: 90, end: 99 }],
    ["bytes=90-500", { kind: "part", start: 90, end: 99 }],
    ["bytes=-10", { kind: "part", start: 90, end: 99 }],
    ["bytes=-500", { kind: "part", start: 0, end: 99 }],
    ["bytes=100-", { kind: "unsatisfiable" }],
    ["bytes=-0", { kind: "unsatisfiable" }],
    ["bytes=9-3", { kind: "whole" }],
    ["bytes=0-1,5-9", { kind: "whole" }],
    ["bytes=-", { kind: "whole" }],
    ["lines=1-2", { kind: "whole" }],
    [undefined, { kind: "whole" }],
  ])("answers %s", (header, expected) => {
    expect(answer(header)).toEqual(expected);
  });

  it("sends everything when the client has seen other bytes", () => {
    expect(answer("bytes=5-", etag)).toEqual({ kind: "part", start: 5, end: 99 });
    expect(answer("bytes=5-", '"other"')).toEqual({ kind: "whole" });
    expect(answer("bytes=5-", `W/${etag}`)).toEqual({ kind: "whole" });
    expect(answer("bytes=5-", "Sat, 01 Mar 2026 12:00:00 GMT")).toEqual({ kind: "whole" });
  });

  it("never leaves the blob", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), fc.integer({ min: 1 }), (text, a, b, size) => {
        for (const header of [text, `bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`]) {
          const found = answerRange(header, undefined, etag, size);
          if (found.kind !== "part") continue;
          expect(found.start).toBeGreaterThanOrEqual(0);
          expect(found.end).toBeGreaterThanOrEqual(found.start);
          expect(found.end).toBeLessThan(size);
        }
      }),
    );
  });
});
