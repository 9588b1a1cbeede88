/**
 * Processes killed one after another, in an order drawn from a seed that is printed. Short by default;
 * `FIELDLOOP_TEST_FULL=1` for the long run, `FIELDLOOP_TEST_SEED` to repeat an order.
 */
import { hashUnit } from "@fieldloop/shared/sampling";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tally } from "../support/exactly-once.ts";
import { allRun, type Fleet, pushEggGrader, startFleet } from "../support/fleet.ts";
import {
  type Cloud,
  eventually,
  freePort,
  scratchFolder,
  startAgent,
  startCloud,
} from "../support/processes.ts";

const full = process.env.FIELDLOOP_TEST_FULL === "1";
const rounds = full ? 100 : 12;
const seed = process.env.FIELDLOOP_TEST_SEED ?? String(Date.now());
const names = ["cam-1", "cam-2"];
const fps = 10;
/** More than the results that a model's probation takes. */
const provenResults = 40;

describe(`processes killed ${rounds} times, seed ${seed}`, () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let ports: { httpPort: number; mqttPort: number };
  let cloud: Cloud;
  let fleet: Fleet;
  // A person at the device would not want to wait five minutes for the next try either.
  const config = { link: { delayMsMin: 100, delayMsMax: 1000 } };

  beforeAll(async () => {
    scratch = await scratchFolder();
    ports = { httpPort: await freePort(), mqttPort: await freePort() };
    cloud = await startCloud({ folder: scratch.path, ...ports });
    await pushEggGrader(cloud.url, "1.0.0");
    fleet = await startFleet({ folder: scratch.path, cloud, count: 2, fps, config });
    await allRun(fleet.client, names, "egg-grader@1.0.0");
    // An agent that ends three times during its model's first live frames takes the model back, and
    // that is right: the kills begin when the model has proved itself.
    await eventually("every model has passed its probation", async () =>
      (await stored()).every(({ rows }) => rows > provenResults),
    );
  });

  afterAll(async () => {
    await fleet?.stop();
    await cloud?.stop();
    await scratch?.remove();
  });

  const stored = () => Promise.all(names.map((id) => tally(cloud.databaseUrl, id)));

  async function kill(victim: number): Promise<void> {
    const agent = fleet.agents[victim];
    if (agent === undefined) {
      await cloud.kill();
      cloud = await startCloud({ folder: scratch.path, ...ports });
      return;
    }
    await agent.program.kill();
    const { name, port: httpPort } = agent;
    const where = { folder: scratch.path, name, cloudUrl: cloud.url, claimToken: "used up" };
    agent.program = await startAgent({ ...where, fps, httpPort, config });
  }

  it(
    "goes on after every kill",
    async () => {
      for (let round = 0; round < rounds; round++) {
        const before = await stored();
        await kill(Math.floor(hashUnit(`${seed}/${round}`) * 3));
        await eventually(`round ${round}: new results of every camera are stored`, async () => {
          const now = await stored();
          return now.every(({ rows }, i) => rows > (before[i]?.rows ?? 0) + fps);
        });
      }
    },
    full ? 3_600_000 : 180_000,
  );

  it("has stored every number once and left none out", async () => {
    await fleet.stop();
    for (const { rows, frames, numbers, highest, different } of await stored()) {
      expect(numbers).toBe(highest);
      expect(different).toBe(highest);
      expect(frames).toBe(rows);
    }
  });
});
