import type { Benchmark } from "@fieldloop/shared/contract/benchmarks";
import { describe, expect, it } from "vitest";
import { grouped } from "./group.ts";

const figures = {
  processor: "Cortex-A76",
  features: [],
  threads: 4,
  rssBytes: 1,
  temperatureC: null,
  variants: [],
  passedOver: [],
};
const one = (id: string, over: Partial<Benchmark>): Benchmark => ({
  id,
  name: "eggs",
  version: "1.0.0",
  device: "a",
  profile: "rpi-5",
  state: "done",
  pairs: 200,
  error: null,
  figures: over.state === undefined || over.state === "done" ? figures : null,
  requestedAt: 0,
  requestedBy: "x",
  finishedAt: null,
  ...over,
});

describe("measurements on devices", () => {
  it("are grouped by profile, the newest of each device first and its earlier ones apart", () => {
    const { profiles, open } = grouped([
      one("old", { finishedAt: 10 }),
      one("new", { finishedAt: 20 }),
      one("b", { device: "b", finishedAt: 15 }),
      one("orin", { device: "c", profile: "orin", finishedAt: 5 }),
    ]);
    expect(open).toEqual([]);
    expect(
      profiles.map(({ profile, newest, earlier }) => [
        profile,
        newest.map(({ id }) => id),
        earlier.map(({ id }) => id),
      ]),
    ).toEqual([
      ["orin", ["orin"], []],
      ["rpi-5", ["new", "b"], ["old"]],
    ]);
  });

  it("that wait are shown, and failed ones until their device has measured", () => {
    const { open } = grouped([
      one("done", { finishedAt: 10 }),
      one("before", { state: "failed", finishedAt: 9 }),
      one("after", { state: "failed", finishedAt: 11 }),
      one("other", { device: "b", state: "failed", finishedAt: 1 }),
      one("waiting", { state: "waiting", requestedAt: 12 }),
    ]);
    expect(open.map(({ id }) => id)).toEqual(["waiting", "after", "other"]);
  });
});
