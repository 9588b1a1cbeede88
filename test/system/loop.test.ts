/**
 * The product's main job with nothing replaced: a cloud process with its PostgreSQL and broker, agent
 * processes that run the model, and the command line.
 */
import { setTimeout as delay } from "node:timers/promises";
import { devices } from "@fieldloop/shared/contract/devices";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resultsMade, tally } from "../support/exactly-once.ts";
import { allRun, type Fleet, pushEggGrader, quickLink, startFleet } from "../support/fleet.ts";
import {
  type Cloud,
  eventually,
  freePort,
  scratchFolder,
  startCloud,
} from "../support/processes.ts";

const names = ["cam-1", "cam-2", "cam-3"];
const outageMs = 20_000;

describe("the loop", () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let ports: { httpPort: number; mqttPort: number };
  let cloud: Cloud;
  let fleet: Fleet;

  beforeAll(async () => {
    scratch = await scratchFolder();
    ports = { httpPort: await freePort(), mqttPort: await freePort() };
    cloud = await startCloud({ folder: scratch.path, ...ports });
    await pushEggGrader(cloud.url, "1.0.0");
    fleet = await startFleet({ folder: scratch.path, cloud, count: 3, fps: 5, config: quickLink });
  });

  afterAll(async () => {
    await fleet?.stop();
    await cloud?.stop();
    await scratch?.remove();
  });

  it("brings the promoted version to every agent", async () => {
    await allRun(fleet.client, names, "egg-grader@1.0.0");
  });

  it("shows what each camera sees: windows and single results", async () => {
    for (const id of names) {
      const point = await eventually(`a window of ${id}`, async () => {
        const { points } = await fleet.client.call(devices.series, { params: { id }, query: {} });
        return points.find((p) => p.results > 0);
      });
      expect(point.p95Ms).toBeGreaterThan(0);
      const { items } = await fleet.client.call(devices.results, { params: { id }, query: {} });
      expect(items[0]).toMatchObject({ device: id, camera: "belt", model: "egg-grader@1.0.0" });
    }
  });

  it("loses and doubles nothing when the cloud is killed under load", async () => {
    await cloud.kill();
    const before = await Promise.all(fleet.agents.map(({ port }) => resultsMade(port)));
    await delay(outageMs); // the outage itself: its length is the point
    const after = await Promise.all(fleet.agents.map(({ port }) => resultsMade(port)));
    for (const [i, made] of after.entries()) expect(made).toBeGreaterThan((before[i] ?? 0) + 50);
    cloud = await startCloud({ folder: scratch.path, ...ports });
    for (const [i, id] of names.entries())
      await eventually(`the backlog of ${id} is stored`, async () => {
        return (await tally(cloud.databaseUrl, id)).rows >= (after[i] ?? 0);
      });
  });

  it("brings a new version to every agent", async () => {
    await pushEggGrader(cloud.url, "1.0.1");
    await allRun(fleet.client, names, "egg-grader@1.0.1");
  });

  it("has every result exactly once after the agents have stopped", async () => {
    const made = await Promise.all(fleet.agents.map(({ port }) => resultsMade(port)));
    await fleet.stop();
    for (const [i, id] of names.entries()) {
      const stored = await tally(cloud.databaseUrl, id);
      expect(stored.rows).toBeGreaterThanOrEqual(made[i] ?? 0);
      expect(stored).toMatchObject({
        frames: stored.rows,
        counted: stored.rows,
        numbers: stored.highest,
        different: stored.highest,
      });
    }
  });
});
