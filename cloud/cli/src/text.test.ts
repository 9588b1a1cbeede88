import { describe, expect, it } from "vitest";
import { agoText, bytesText, nearest, parseSpan, plain, untilText } from "./text.ts";

describe("text", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [2_714_000, "2.71 MB"],
    [99_960, "100 kB"],
    [999_600, "1.00 MB"],
    [5e15, "5000 TB"],
  ])("says %d bytes as %s", (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it("says how long ago something was", () => {
    expect(agoText(null, 0)).toBe("never");
    expect(agoText(10_000, 10_200)).toBe("now");
    expect(agoText(0, 5_000)).toBe("5 s ago");
    expect(agoText(0, 600_000)).toBe("10 min ago");
    expect(agoText(0, 5 * 3_600_000)).toBe("5 h ago");
    expect(agoText(0, 72 * 3_600_000)).toBe("3 d ago");
  });

  it("says when something will be", () => {
    expect(untilText(null, 0)).toBe("never");
    expect(untilText(1000, 5000)).toBe("expired");
    expect(untilText(86_400_000, 0)).toBe("in 24 h");
  });

  it("reads lengths of time and nothing else", () => {
    expect(["90s", "30m", "24h", "7d"].map(parseSpan)).toEqual([90, 1800, 86_400, 604_800]);
    expect(["", "5", "1.5h", "-1s", "1w"].map(parseSpan)).toEqual(Array(5).fill(undefined));
  });

  it("suggests only names that are close", () => {
    expect(nearest("widht", ["width", "height"])).toBe("width");
    expect(nearest("devices:raed", ["devices:read", "models:read"])).toBe("devices:read");
    expect(nearest("colour-space", ["width", "height"])).toBeUndefined();
  });

  it("takes escape sequences out of what a server sent", () => {
    expect(plain("a\u001b[31mred\nline")).toBe("a [31mred line");
  });
});
