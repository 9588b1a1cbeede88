import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { boards } from "@fieldloop/test/support/cpuinfo";
import { temporaryFolder } from "@fieldloop/test/support/folder";
import { describe, expect, it } from "vitest";
import { processorFeatures, readProcessor, readProcessorName } from "./processor.ts";

describe("processorFeatures", () => {
  it.each([
    ["raspberryPi4", ["asimd"]],
    ["raspberryPi5", ["asimd", "dot-product", "fp16", "int8-dot"]],
    ["jetsonOrin", ["asimd", "dot-product", "fp16", "int8-dot"]],
    ["xeon", ["avx2", "int8-dot", "vnni"]],
    ["smallPc", ["avx2", "int8-dot", "vnni"]],
    ["oldPc", ["avx2"]],
    ["mixedCores", ["asimd"]],
  ] as const)("of %s are %j", (board, features) => {
    expect(processorFeatures(boards[board])).toEqual(features);
  });

  it("are unknown where the text lists none", () => {
    expect(processorFeatures("")).toBeUndefined();
    expect(processorFeatures("processor : 0\nBogoMIPS : 108.00\n")).toBeUndefined();
  });
});

describe("readProcessor", () => {
  it("is silent where there is no such file", async () => {
    expect(await readProcessor("/nowhere/cpuinfo")).toBeUndefined();
  });
});

describe("readProcessorName", () => {
  it("prefers the board's own name, without its zero byte", async () => {
    const path = join(temporaryFolder(), "model");
    writeFileSync(path, "Raspberry Pi 5 Model B Rev 1.0\0");
    expect(await readProcessorName(path)).toBe("Raspberry Pi 5 Model B Rev 1.0");
    expect(await readProcessorName("/nowhere/model")).toMatch(/\S/);
  });
});
