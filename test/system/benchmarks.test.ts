/** Speeds of a version's files on a real agent, asked for by the command line. */
import { join } from "node:path";
import { benchmarks } from "@fieldloop/shared/contract/benchmarks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Fleet, fieldloop, quickLink, startFleet } from "../support/fleet.ts";
import {
  type Cloud,
  eventually,
  freePort,
  repository,
  scratchFolder,
  startAgent,
  startCloud,
} from "../support/processes.ts";

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let cloud: Cloud;
let fleet: Fleet;

beforeAll(async () => {
  scratch = await scratchFolder();
  const ports = { httpPort: await freePort(), mqttPort: await freePort() };
  cloud = await startCloud({ folder: scratch.path, ...ports });
  const compiled = join(repository, "deploy/demo/models/egg-grader/1.0.0/compiled");
  await fieldloop(cloud.url, "models", "push", compiled);
  fleet = await startFleet({ folder: scratch.path, cloud, count: 1, fps: 5, config: quickLink });
});

afterAll(async () => {
  await fleet?.stop();
  await cloud?.stop();
  await scratch?.remove();
});

const bench = (...more: string[]) =>
  fieldloop(
    cloud.url,
    ...["models", "bench", "egg-grader@1.0.0", "--device", "cam-1", "--pairs", "20"],
    ...more,
  );

const list = async () =>
  await fleet.client
    .call(benchmarks.list, { params: { name: "egg-grader", version: "1.0.0" } })
    .then(({ items }) => items);

it("has the device measure a version that it does not run, and waits for the figures", async () => {
  const text = await bench();
  expect(text).toMatch(/^egg-grader 1\.0\.0 on cam-1 \(linux-x64\)\n/);
  expect(text).toMatch(/^int8-reduced +\d+\.\d\d ms .* 20 {2}cpu$/m);
  const [item] = await list();
  expect(item).toMatchObject({ state: "done", device: "cam-1", pairs: 20 });
  expect(item?.figures?.threads).toBeGreaterThan(0);
});

it("waits for a device that is off, and measures when it is back", async () => {
  const [agent] = fleet.agents;
  if (agent === undefined) throw new Error("the fleet has one agent");
  await agent.program.stop();
  expect(await bench("--no-wait")).toBe(
    "cam-1 measures egg-grader 1.0.0 when it is on line. To look: fieldloop models benchmarks egg-grader@1.0.0\n",
  );
  expect(await list()).toMatchObject([{ state: "waiting", figures: null }, { state: "done" }]);
  agent.program = await startAgent({
    ...{ folder: scratch.path, name: agent.name, cloudUrl: cloud.url, claimToken: "used up" },
    ...{ fps: 5, httpPort: agent.port, config: quickLink },
  });
  await eventually("it has measured twice", async () =>
    (await list()).every(({ state }) => state === "done"),
  );
  const listed = await fieldloop(cloud.url, "models", "benchmarks", "egg-grader@1.0.0");
  expect(listed.match(/^linux-x64 +cam-1 +int8-reduced .* done$/gm)).toHaveLength(2);
});
