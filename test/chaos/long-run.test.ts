/**
 * An agent that sees many frames without growing: decisions, objects, samples, the ring and a failing
 * output, all at once. 5,000 frames; `FIELDLOOP_TEST_FULL=1` for 100,000.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  eventually,
  type Program,
  repository,
  scratchFolder,
  startLoneAgent,
} from "../support/processes.ts";

const full = process.env.FIELDLOOP_TEST_FULL === "1";
const frames = full ? 100_000 : 5_000;
/** The collector's own ups and downs are a fifth of so small a heap; over a long run they even out. */
const growthMax = full ? 1.1 : 1.35;

interface Status {
  readonly frames: {
    readonly belt: {
      readonly frames: number;
      readonly results: number;
      readonly dropped: Readonly<Record<string, number>>;
      readonly errors: Readonly<Record<string, number>>;
      readonly underWay: number;
    };
  };
  readonly outputs: {
    readonly nobody: {
      readonly offered: number;
      readonly sent: number;
      readonly failed: Readonly<Record<string, number>>;
      readonly dropped: Readonly<Record<string, number>>;
      readonly underWay: number;
    };
  };
  readonly vitals: { readonly rssBytes: number };
}

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((all, n) => all + n, 0);

describe(`${frames} frames`, () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let agent: Program;
  let url: string;

  beforeAll(async () => {
    scratch = await scratchFolder();
    const eggs = join(repository, "deploy/demo/models/egg-grader/1.0.0");
    const camera = join(repository, "test/support/endless-camera.mjs");
    const command = {
      run: [process.execPath, camera, "160", "120"],
      format: "rgb24",
      width: 160,
      height: 120,
    };
    const started = await startLoneAgent(scratch.path, {
      model: { path: join(eggs, "model.onnx"), manifest: join(eggs, "model.yaml") },
      cameras: [{ name: "belt", kind: "command", policy: "wait", facts: {}, command }],
      reporting: {
        samples: {
          hardnessMin: 0.1,
          similarMs: 0,
          perHour: { countMax: 100_000, bytesMax: 1e9 },
          perDay: { countMax: 100_000, bytesMax: 1e9 },
          diskBytesMax: 5_000_000,
          ring: { hours: 1, fps: 30, bytesMax: 20_000_000 },
        },
      },
      outputs: [
        {
          name: "nobody",
          kind: "webhook",
          on: { events: ["result"] },
          webhook: { url: "http://127.0.0.1:9/nobody" },
        },
      ],
    });
    agent = started.program;
    url = started.url;
  });

  afterAll(async () => {
    await agent?.stop();
    await scratch?.remove();
  });

  const status = async (): Promise<Status> =>
    (await (await fetch(`${url}/v1/status`)).json()) as Status; // the agent's own answer
  const reach = (count: number) =>
    eventually(
      `${count} frames`,
      async () => {
        const now = await status();
        return now.frames.belt.frames >= count ? now : false;
      },
      3_000_000,
    );

  it("leave the agent as large as the first fifth of them did", async () => {
    const early = await reach(frames / 5);
    const late = await reach(frames);
    console.info(
      `resident: ${(early.vitals.rssBytes / 1e6).toFixed(0)} MB, then ${(late.vitals.rssBytes / 1e6).toFixed(0)} MB`,
    );
    expect(late.vitals.rssBytes / early.vitals.rssBytes).toBeLessThan(growthMax);
  }, 3_600_000);

  it("are all accounted for, and so is what was told of them", async () => {
    const { frames: counted, outputs } = await status();
    const { belt } = counted;
    expect(belt.frames).toBe(belt.results + sum(belt.dropped) + sum(belt.errors) + belt.underWay);
    expect(belt.underWay).toBeLessThanOrEqual(5);
    expect([belt.dropped, belt.errors]).toEqual([{}, {}]);
    const { nobody } = outputs;
    expect(nobody.offered).toBe(
      nobody.sent + sum(nobody.failed) + sum(nobody.dropped) + nobody.underWay,
    );
    expect(nobody.underWay).toBeLessThanOrEqual(17);
    expect(nobody.sent).toBe(0);
  });
});
