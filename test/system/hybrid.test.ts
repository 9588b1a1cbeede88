/** Hybrid inference: real agents in a world their model does not know ask the real cloud's teacher. */
import { devices } from "@fieldloop/shared/contract/devices";
import type { RoutingOverride } from "@fieldloop/shared/manifest/routing";
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tally } from "../support/exactly-once.ts";
import {
  allRun,
  type Fleet,
  pushEggGrader,
  quickLink,
  setSettings,
  startFleet,
} from "../support/fleet.ts";
import {
  type Cloud,
  eventually,
  freePort,
  scratchFolder,
  startCloud,
} from "../support/processes.ts";

const teacher = "egg-grader-teacher@1.0.0";
const id = "cam-1";

describe("a device that is unsure", () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let ports: { httpPort: number; mqttPort: number };
  let cloud: Cloud;
  let fleet: Fleet;

  beforeAll(async () => {
    scratch = await scratchFolder();
    ports = { httpPort: await freePort(), mqttPort: await freePort() };
    cloud = await startCloud({ folder: scratch.path, ...ports, env: { FIELDLOOP_DEMO: "true" } });
    await pushEggGrader(cloud.url, "1.0.0");
    await pushEggGrader(cloud.url, "1.0.0", "egg-grader-teacher");
    fleet = await startFleet({ folder: scratch.path, cloud, count: 1, fps: 5, config: quickLink });
    await allRun(fleet.client, [id], "egg-grader@1.0.0");
    await fleet.client.call(devices.setScene, { body: { world: "brown-eggs" } });
  });

  afterAll(async () => {
    await fleet?.stop();
    await cloud?.stop();
    await scratch?.remove();
  });

  const routing: RoutingOverride = {
    mode: "sync",
    cloudModel: "egg-grader-teacher",
    deadlineMs: 1000,
    hardness: { score: "max-probability", threshold: 0.2 },
    exploreShare: 0,
    breaker: { openMsMin: 500, openMsMax: 1000 },
  };
  const configure = async (change: RoutingOverride) => {
    const { settings } = (await fleet.client.call(devices.get, { params: { id } })).desired;
    await setSettings(fleet.client, id, { ...settings, routing: { ...routing, ...change } });
  };
  type Routing = ReportedState["routing"];
  /** As the device itself says, which the cloud hears once a minute. */
  const status = async () =>
    (await (await fetch(`http://127.0.0.1:${fleet.agents[0]?.port}/v1/status`)).json()) as {
      readonly routing: Routing;
      readonly frames: { readonly belt: { readonly results: number } };
    };

  interface Row {
    readonly frame: string;
    readonly model: string;
    readonly reason: string;
    readonly label: string;
  }
  async function rows(where: string): Promise<readonly Row[]> {
    const client = new pg.Client({ connectionString: cloud.databaseUrl });
    await client.connect();
    try {
      const sql = `select frame, model, reason, label from results where device = $1 and ${where}`;
      return (await client.query<Row>(sql, [id])).rows;
    } finally {
      await client.end();
    }
  }

  it("keeps to itself until it is told otherwise", async () => {
    await eventually("results come", async () => (await rows("true")).length > 10);
    expect(await rows(`model <> 'egg-grader@1.0.0'`)).toEqual([]);
    expect((await status()).routing).toBeNull();
  });

  it("waits for the cloud's answer about hard frames, and says how often", async () => {
    await configure({});
    await eventually("the teacher has answered", async () => {
      return (await rows(`model = '${teacher}'`)).length >= 10;
    });
    const seen = await eventually("the report", async () => {
      const { routing: now } = await status();
      return now != null && now.calls.answered !== undefined && now.compared > 5 ? now : false;
    });
    expect(seen).toMatchObject({
      mode: "sync",
      cloudModel: "egg-grader-teacher",
      breaker: "closed",
    });
    expect(seen.offloaded).toBeGreaterThan(0);
    expect(seen.offloaded).toBeLessThan(seen.frames);
    expect(seen.bytesSent).toBeGreaterThan(1000 * (seen.calls.answered ?? 0));
    expect(seen.callMs?.p95).toBeGreaterThan(0);
    expect(seen.bins.reduce((sum, { offloaded }) => sum + offloaded, 0)).toBe(seen.offloaded);
    await eventually("the cloud has heard of it", async () => {
      const { reported } = await fleet.client.call(devices.get, { params: { id } });
      return reported?.routing?.mode === "sync";
    });
  });

  it("answers itself at once where it must, and the cloud's answer corrects it later", async () => {
    await configure({ mode: "async" });
    const corrections = await eventually("corrections come", async () => {
      const found = await rows(`reason = 'correction'`);
      return found.length >= 5 ? found : false;
    });
    for (const { model } of corrections) expect(model).toBe(teacher);
    const frames = corrections.map(({ frame }) => `'${frame}'`).join(", ");
    const own = await rows(`frame in (${frames}) and reason <> 'correction'`);
    expect(own).toHaveLength(corrections.length);
    for (const { model } of own) expect(model).toBe("egg-grader@1.0.0");
  });

  it("goes on by itself while the cloud is away, and asks again when it is back", async () => {
    await configure({ deadlineMs: 300 });
    await eventually("it waits again", async () => (await status()).routing?.mode === "sync");
    await cloud.kill();
    const before = (await status()).frames.belt.results;
    await eventually("results go on", async () => {
      return (await status()).frames.belt.results > before + 20;
    });
    cloud = await startCloud({ folder: scratch.path, ...ports, env: { FIELDLOOP_DEMO: "true" } });
    const calls = (await status()).routing?.calls.answered ?? 0;
    await eventually("it asks again", async () => {
      return ((await status()).routing?.calls.answered ?? 0) > calls + 3;
    });
  });

  it("has told every frame once", async () => {
    await fleet.stop();
    const { numbers, highest, different, counted } = await tally(cloud.databaseUrl, id);
    expect([numbers, different]).toEqual([highest, highest]);
    const [once] = await Promise.all([rows(`reason <> 'correction'`)]);
    expect(new Set(once.map(({ frame }) => frame)).size).toBe(once.length);
    expect(counted).toBe(once.length);
  });
});
