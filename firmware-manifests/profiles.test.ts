import { readdir } from "node:fs/promises";
import {
  chooseProfile,
  profilesFolder,
  readProfiles,
} from "@fieldloop/edge/perception/inference/profile";
import { describe, expect, it } from "vitest";

describe("the device profiles", () => {
  it("parse, and are named like their files", async () => {
    const files = (await readdir(profilesFolder)).filter((name) => name.endsWith(".json"));
    const profiles = await readProfiles();
    expect(profiles.map(({ id }) => `${id}.json`)).toEqual(files.sort());
  });

  it("end with the processor, which always works", async () => {
    for (const { providers } of await readProfiles()) expect(providers.at(-1)).toBe("cpu");
  });

  it.each([
    ["Raspberry Pi 4 Model B Rev 1.5", "arm64", "raspberry-pi-4", "board"],
    ["Raspberry Pi 5 Model B Rev 1.0", "arm64", "raspberry-pi-5", "board"],
    [
      "NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
      "arm64",
      "jetson-orin-nx",
      "board",
    ],
    ["Radxa ROCK 5B", "arm64", "linux-arm64", "architecture"],
    [null, "x64", "linux-x64", "architecture"],
  ])("choose for %s (%s) the profile %s", async (deviceTreeModel, architecture, id, by) => {
    const chosen = chooseProfile(await readProfiles(), { architecture, deviceTreeModel }, null);
    expect([chosen.profile.id, chosen.by]).toEqual([id, by]);
  });
});
