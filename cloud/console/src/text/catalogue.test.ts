import { describe, expect, it } from "vitest";
import { enBenchmarks } from "./en-benchmarks.ts";
import { enCameras } from "./en-cameras.ts";
import { enCompile } from "./en-compile.ts";
import { enDevices } from "./en-devices.ts";
import { enModels } from "./en-models.ts";
import { enPeople } from "./en-people.ts";
import { enReport } from "./en-report.ts";
import { enShell } from "./en-shell.ts";
import { td } from "./t-devices.ts";

const en = {
  ...enBenchmarks,
  ...enCameras,
  ...enCompile,
  ...enShell,
  ...enDevices,
  ...enModels,
  ...enPeople,
  ...enReport,
};

describe("catalogue", () => {
  it("fills a value and chooses the word that fits the number", () => {
    expect(td("devices.selected", { n: 1 })).toBe("1 device selected");
    expect(td("devices.selected", { n: 1200 })).toBe("1,200 devices selected");
  });

  it("has only well-formed placeholders", () => {
    for (const [key, sentence] of Object.entries(en)) {
      const rest = sentence.replace(/\{[a-z]\w*(?::[^:{}]*:[^:{}]*)?\}/gi, "");
      expect(rest, key).not.toMatch(/[{}]/);
    }
  });
});
