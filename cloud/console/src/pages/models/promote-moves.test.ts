import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import type { ModelVersion } from "@fieldloop/shared/contract/models";
import { describe, expect, it } from "vitest";
import { movedBy, movesOf } from "./promote-moves.ts";

const device = (id: string, over: Partial<DeviceSummary> = {}): DeviceSummary => ({
  id,
  role: "camera",
  profile: "linux-x64",
  site: null,
  group: null,
  status: "online",
  lastSeen: null,
  enrolledAt: 0,
  agentVersion: null,
  follows: null,
  model: "eggs@1.0.0",
  desiredModel: "eggs@1.0.0",
  update: null,
  world: null,
  latest: null,
  ...over,
});

const fleet = [
  device("a"),
  device("b", { group: "lab" }),
  device("c", { group: "line-3" }),
  device("d", { desiredModel: "eggs@1.0.1" }),
  device("e", { follows: "faces", desiredModel: "faces@1.0.0" }),
  device("f", { role: "station", desiredModel: null }),
  device("g", { desiredModel: null, model: null }),
];
const ids = (alias: string, aliases: readonly string[]) =>
  movedBy(fleet, { name: "eggs", version: "1.0.1", alias }, aliases).map(({ id }) => id);

describe("promoting to production", () => {
  it("moves every camera of the model that is not there yet", () => {
    expect(ids("production", ["production"])).toEqual(["a", "b", "c", "g"]);
  });

  it("leaves groups alone that have an alias of their own", () => {
    expect(ids("production", ["production", "lab"])).toEqual(["a", "c", "g"]);
  });
});

describe("promoting to a group", () => {
  it("moves that group only, even when its alias is new", () => {
    expect(ids("lab", ["production"])).toEqual(["b"]);
  });
});

describe("the number of devices that a promotion moves", () => {
  const version = (name: string, desired: number, aliases: string[]): ModelVersion => ({
    name: "eggs",
    version: name,
    manifest: "",
    createdAt: 0,
    createdBy: "ada",
    task: "classify",
    licence: null,
    bytes: 1,
    aliases,
    running: desired,
    desired,
    warnings: [],
  });
  const target = { name: "eggs", version: "1.0.1", alias: "production" };
  const versions = (...aliases: string[]) => [
    version("1.0.1", 40, []),
    version("1.0.0", 4000, aliases),
    version("0.9.0", 7, []),
  ];

  it("is counted device by device while all of them are known", () => {
    const whole = { items: fleet, total: fleet.length };
    expect(movesOf(whole, versions("production"), target)).toEqual({ n: 4, isExact: true });
  });

  it("comes from the server where the fleet is larger and one alias moves everybody", () => {
    const part = { items: fleet, total: 5000 };
    expect(movesOf(part, versions("production"), target)).toEqual({ n: 4007, isExact: true });
  });

  it("is said to be the least where groups of a larger fleet have aliases of their own", () => {
    const part = { items: fleet, total: 5000 };
    expect(movesOf(part, versions("production", "lab"), target)).toEqual({ n: 3, isExact: false });
    expect(movesOf(part, versions("production"), { ...target, alias: "lab" })).toEqual({
      n: 1,
      isExact: false,
    });
  });
});
