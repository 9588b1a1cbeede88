import type { DeviceSummary } from "@fieldloop/shared/contract/devices";
import { describe, expect, it } from "vitest";
import { movedBy } from "./promote-moves.ts";

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
