import { describe, expect, it } from "vitest";
import { boards } from "../../../test/cpuinfo.ts";
import { processorFeatures, readProcessor, withProcessor } from "./processor.ts";
import { readProfiles } from "./profile.ts";

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

describe("withProcessor", () => {
  it("believes the processor, and the profile about what cannot be measured", async () => {
    const profile = (await readProfiles()).find(({ id }) => id === "raspberry-pi-5")!;
    const told = { ...profile, features: ["asimd", "fp16", "dot-product", "npu"] };
    const older = withProcessor(told, processorFeatures(boards.raspberryPi4));
    expect(older.features).toEqual(["asimd", "npu"]);
    expect(withProcessor(told, undefined)).toBe(told);
  });

  it("adds nothing to the profiles of boards whose processor is known", async () => {
    const profiles = await readProfiles();
    for (const [id, text] of [
      ["raspberry-pi-5", boards.raspberryPi5],
      ["jetson-orin-nx", boards.jetsonOrin],
    ] as const) {
      const profile = profiles.find((one) => one.id === id)!;
      expect(withProcessor(profile, processorFeatures(text)).features.toSorted()).toEqual(
        profile.features.toSorted(),
      );
    }
  });
});

describe("readProcessor", () => {
  it("is silent where there is no such file", async () => {
    expect(await readProcessor("/nowhere/cpuinfo")).toBeUndefined();
  });
});
