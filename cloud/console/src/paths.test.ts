import { describe, expect, it } from "vitest";
import { paths, safeNext } from "./paths.ts";

describe("paths", () => {
  it("escape what people typed", () => {
    expect(paths.devices("site a&b")).toBe("/devices?q=site%20a%26b");
    expect(paths.version("eggs", "1.0.0-rc.1")).toBe("/models/eggs/v/1.0.0-rc.1");
  });

  it("lead back to a page of this console only", () => {
    expect(safeNext("/devices/cam-1?range=6h")).toBe("/devices/cam-1?range=6h");
    for (const bad of [
      undefined,
      "",
      "//evil.example",
      "https://evil.example",
      "/\\evil.example",
      "/login",
    ])
      expect(safeNext(bad)).toBe("/devices");
  });
});
