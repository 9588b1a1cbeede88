import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processorFeatures, withProcessor } from "@fieldloop/shared-node/processor";
import { boards } from "@fieldloop/test/support/cpuinfo";
import { describe, expect, it } from "vitest";
import { chooseProfile, readBoard, readProfiles } from "./profile.ts";

const pc = { architecture: "x64", deviceTreeModel: null };

describe("chooseProfile", () => {
  it("takes the named profile", async () => {
    const chosen = chooseProfile(await readProfiles(), pc, "linux-x64");
    expect([chosen.profile.id, chosen.by]).toEqual(["linux-x64", "named"]);
  });

  it("says which profiles there are when the name is unknown or for another processor", async () => {
    const profiles = await readProfiles();
    expect(() => chooseProfile(profiles, pc, "commodore-64")).toThrow(
      'there is no device profile "commodore-64"; known are jetson-orin-nx, linux-arm64, linux-x64, raspberry-pi-4, raspberry-pi-5',
    );
    expect(() => chooseProfile(profiles, pc, "raspberry-pi-5")).toThrow(
      'the device profile "raspberry-pi-5" is not for x64; for this computer there are linux-x64',
    );
    expect(() => chooseProfile(profiles, { ...pc, architecture: "riscv64" }, null)).toThrow(
      "no device profile is for riscv64",
    );
  });

  it("prefers the longer board name", async () => {
    const [jetson] = await readProfiles();
    const short = { ...jetson!, id: "jetson", deviceTreeModels: ["Jetson"] };
    const board = { architecture: "arm64", deviceTreeModel: "NVIDIA Jetson Orin NX" };
    expect(chooseProfile([short, jetson!], board, null).profile.id).toBe("jetson-orin-nx");
  });
});

describe("readProfiles", () => {
  it("names the file and the field that do not fit", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fieldloop-profiles-"));
    await writeFile(join(folder, "odd.json"), JSON.stringify({ schema: "fieldloop.profile/1" }));
    await expect(readProfiles(folder)).rejects.toThrow(/odd\.json is wrong: .*id/);
    await writeFile(join(folder, "odd.json"), "{");
    await expect(readProfiles(folder)).rejects.toThrow(/odd\.json is wrong/);
    await rm(folder, { recursive: true });
  });
});

describe("readBoard", () => {
  it("knows this computer's architecture", async () => {
    expect((await readBoard()).architecture).toBe(process.arch);
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
