/** Hard samples: a real agent keeps them sealed, and hands them over once it may, whatever dies meanwhile. */
import { createHash } from "node:crypto";
import { devices } from "@fieldloop/shared/contract/devices";
import { samples } from "@fieldloop/shared/contract/samples";
import type { SampleSettingsInput } from "@fieldloop/shared/samples/settings";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  allRun,
  type Fleet,
  pushEggGrader,
  quickLink,
  setSettings,
  startFleet,
} from "../support/fleet.ts";
import {
  adminToken,
  type Cloud,
  eventually,
  freePort,
  scratchFolder,
  startCloud,
} from "../support/processes.ts";

const id = "cam-1";

interface Status {
  readonly samples: {
    readonly kept: number;
    readonly sent: number;
    readonly stored: number;
    readonly ringBytes: number;
    readonly leftOut: Readonly<Record<string, number>>;
  };
}

describe("a device that sees what it does not know", () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let ports: { httpPort: number; mqttPort: number };
  let cloud: Cloud;
  let fleet: Fleet;

  beforeAll(async () => {
    scratch = await scratchFolder();
    ports = { httpPort: await freePort(), mqttPort: await freePort() };
    cloud = await startCloud({ folder: scratch.path, ...ports, env: { FIELDLOOP_DEMO: "true" } });
    await pushEggGrader(cloud.url, "1.0.0");
    fleet = await startFleet({ folder: scratch.path, cloud, count: 1, fps: 5, config: quickLink });
    await allRun(fleet.client, [id], "egg-grader@1.0.0");
    await fleet.client.call(devices.setScene, { body: { world: "brown-eggs" } });
  });

  afterAll(async () => {
    await fleet?.stop();
    await cloud?.stop();
    await scratch?.remove();
  });

  const configure = async (policy: SampleSettingsInput) => {
    const { settings } = (await fleet.client.call(devices.get, { params: { id } })).desired;
    await setSettings(fleet.client, id, { ...settings, samples: { ...policy } });
  };
  const status = async () =>
    ((await (await fetch(`http://127.0.0.1:${fleet.agents[0]?.port}/v1/status`)).json()) as Status)
      .samples;
  const listed = () => fleet.client.call(samples.list, { query: { limit: 1000 } });
  const generous = {
    similarMs: 0,
    perHour: { countMax: 1000, bytesMax: 1e8 },
    perDay: { countMax: 1000, bytesMax: 1e8 },
  };

  it("keeps hard frames and the last frames to itself", async () => {
    await configure({ ...generous, hardnessMin: 0.2, ring: { hours: 1, fps: 2 } });
    const kept = await eventually("samples and frames are kept", async () => {
      const now = await status();
      return now.kept >= 3 && now.ringBytes > 10_000 ? now : false;
    });
    expect(kept.sent).toBe(0);
    expect(await listed()).toEqual({ items: [], next: null, total: 0 });
  });

  it("hands over all of them once it may, over a cloud that dies in between", async () => {
    await configure({ ...generous, hardnessMin: 0.2, upload: { allowed: true } });
    await eventually("the first ones arrive", async () => (await listed()).total >= 2);
    await cloud.kill();
    const before = (await status()).kept;
    await eventually("more are kept", async () => (await status()).kept > before + 2);
    cloud = await startCloud({ folder: scratch.path, ...ports, env: { FIELDLOOP_DEMO: "true" } });
    // Nothing more is kept from now on, so that the two sides can be held against each other.
    await configure({ enabled: false, upload: { allowed: true } });
    await eventually(
      "all have arrived",
      async () => {
        const { stored } = await status();
        return stored > before + 2 && (await listed()).total === stored;
      },
      90_000,
    );
    const { items } = await listed();
    for (const { digest, reasons, hardness, local, blurred } of items) {
      const path = `/api/v1/devices/${id}/samples/${digest}/image`;
      const headers = { authorization: `Bearer ${adminToken}` };
      const bytes = Buffer.from(
        await (await fetch(`${cloud.url}${path}`, { headers })).arrayBuffer(),
      );
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(digest);
      expect(reasons).toContain("uncertain");
      expect(hardness).toBeGreaterThanOrEqual(0.2);
      expect(local.model).toBe("egg-grader@1.0.0");
      expect(blurred).toBe(false);
    }
  });

  it("hands over nothing any more once that is withdrawn", async () => {
    await configure({ ...generous, hardnessMin: 0.2 });
    const before = (await listed()).total;
    const { kept } = await status();
    await eventually("more are kept", async () => (await status()).kept >= kept + 3);
    expect((await listed()).total).toBe(before);
  });
});
