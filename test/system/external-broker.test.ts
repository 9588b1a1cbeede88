/** The same promise with Mosquitto between devices and cloud, when the broker alone dies. */
import { execFileSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resultsMade, tally } from "../support/exactly-once.ts";
import { allRun, type Fleet, pushEggGrader, quickLink, startFleet } from "../support/fleet.ts";
import {
  type Cloud,
  eventually,
  freePort,
  type Program,
  scratchFolder,
  startCloud,
  startMosquitto,
} from "../support/processes.ts";

const outageMs = 20_000;

function hasMosquitto(): boolean {
  try {
    execFileSync("mosquitto", ["-h"], { env: { PATH: `${process.env.PATH}:/usr/sbin` } });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT"; // it ends with 3 after its help
  }
}

describe.skipIf(!hasMosquitto())("an external broker (skipped where mosquitto is absent)", () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let port: number;
  let broker: Program;
  let cloud: Cloud;
  let fleet: Fleet;

  beforeAll(async () => {
    scratch = await scratchFolder();
    port = await freePort();
    broker = await startMosquitto(scratch.path, port);
    cloud = await startCloud({
      folder: scratch.path,
      httpPort: await freePort(),
      mqttPort: 0,
      env: { MQTT_URL: `mqtt://127.0.0.1:${port}` },
    });
    await pushEggGrader(cloud.url, "1.0.0");
    fleet = await startFleet({ folder: scratch.path, cloud, count: 1, fps: 5, config: quickLink });
    await allRun(fleet.client, ["cam-1"], "egg-grader@1.0.0");
  });

  afterAll(async () => {
    await fleet?.stop();
    await cloud?.stop();
    await broker?.stop();
    await scratch?.remove();
  });

  it("loses and doubles nothing when the broker is killed under load", async () => {
    const [agent] = fleet.agents;
    await broker.kill();
    const before = await resultsMade(agent!.port);
    await delay(outageMs); // the outage itself: its length is the point
    const after = await resultsMade(agent!.port);
    expect(after).toBeGreaterThan(before + 50);
    broker = await startMosquitto(scratch.path, port);
    await eventually("the backlog is stored", async () => {
      return (await tally(cloud.databaseUrl, "cam-1")).rows >= after;
    });
    await fleet.stop();
    const stored = await tally(cloud.databaseUrl, "cam-1");
    expect(stored).toMatchObject({
      frames: stored.rows,
      counted: stored.rows,
      numbers: stored.highest,
      different: stored.highest,
    });
  });
});
