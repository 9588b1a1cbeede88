import { describe, expect, it } from "vitest";
import { brokenBudgets, type EmittedFile } from "./budgets.ts";

const file = (over: Partial<EmittedFile>): EmittedFile => ({
  name: "a.js",
  gzipBytes: 1000,
  imports: [],
  isEntry: false,
  ...over,
});

describe("build budgets", () => {
  it("accept a small first page with a larger lazy chunk", () => {
    const files = [
      file({ name: "main.js", gzipBytes: 120_000, imports: ["main.css"], isEntry: true }),
      file({ name: "main.css", gzipBytes: 10_000 }),
      file({ name: "kit.js", gzipBytes: 86_000 }),
    ];
    expect(brokenBudgets(files)).toEqual([]);
  });

  it("count what the entry imports, through several steps, as the first page", () => {
    const files = [
      file({ name: "main.js", gzipBytes: 60_000, imports: ["a.js"], isEntry: true }),
      file({ name: "a.js", gzipBytes: 60_000, imports: ["b.js"] }),
      file({ name: "b.js", gzipBytes: 16_000, imports: ["main.js"] }),
    ];
    expect(brokenBudgets(files)).toEqual([
      "initial JavaScript is 136.0 kB gzip, at most 135 kB is allowed",
    ]);
  });

  it("name each lazy chunk that is too heavy", () => {
    const files = [
      file({ name: "main.js", isEntry: true }),
      file({ name: "charts.js", gzipBytes: 91_000 }),
    ];
    expect(brokenBudgets(files)).toEqual(["charts.js is 91.0 kB gzip, at most 90 kB is allowed"]);
  });
});
