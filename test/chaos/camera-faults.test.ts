/**
 * An agent whose camera dies, hangs, and writes what it should not, in an order drawn from a seed that
 * is printed. Short by default; `FIELDLOOP_TEST_FULL=1` for the long run, `FIELDLOOP_TEST_SEED` to
 * repeat an order.
 */
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { hashUnit } from "@fieldloop/shared/sampling";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  eventually,
  freePort,
  type Program,
  repository,
  scratchFolder,
  startLoneAgent,
} from "../support/processes.ts";

const full = process.env.FIELDLOOP_TEST_FULL === "1";
const seed = process.env.FIELDLOOP_TEST_SEED ?? String(Date.now());
const faults = ["die", "kill", "hang", "garbage", "cut", "resize", "flood", "chatter"] as const;
/** Each fault once, or many times over. */
const rounds = full ? 100 : faults.length;

/** Faults in an order that the seed says; each comes as often as the others. */
const order = Array.from({ length: rounds }, (_, i) => ({
  fault: faults[i % faults.length] ?? "die",
  place: Math.floor(i / faults.length) + hashUnit(`${seed}/${i}`),
})).toSorted((a, b) => a.place - b.place);

interface Status {
  readonly cameras: readonly { readonly state: string; readonly reason: string | null }[];
  readonly frames: {
    readonly belt: {
      readonly frames: number;
      readonly results: number;
      readonly dropped: Readonly<Record<string, number>>;
      readonly errors: Readonly<Record<string, number>>;
      readonly underWay: number;
    };
  };
  readonly vitals: { readonly rssBytes: number };
}

describe(`a camera with ${rounds} faults, seed ${seed}`, () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let agent: Program;
  let control: Server;
  let socket: Socket | undefined;
  let url: string;

  beforeAll(async () => {
    scratch = await scratchFolder();
    control = createServer((connected) => {
      socket = connected;
      connected.on("error", () => undefined); // the camera was killed
    });
    const controlPort = await freePort();
    await new Promise<void>((done) => control.listen(controlPort, "127.0.0.1", done));
    const eggs = join(repository, "deploy/demo/models/egg-grader/1.0.0");
    const camera = join(repository, "test/support/faulty-camera.mjs");
    const command = { run: [process.execPath, camera, String(controlPort)], format: "ppm" };
    const started = await startLoneAgent(scratch.path, {
      model: { path: join(eggs, "model.onnx"), manifest: join(eggs, "model.yaml") },
      cameras: [{ name: "belt", kind: "command", stallMsMax: 500, command }],
    });
    agent = started.program;
    url = started.url;
    await eventually("frames are seen", async () => (await belt()).results > 10);
  });

  afterAll(async () => {
    await agent?.stop();
    socket?.destroy();
    control?.close();
    await scratch?.remove();
  });

  const status = async (): Promise<Status> =>
    (await (await fetch(`${url}/v1/status`)).json()) as Status; // the agent's own answer
  const belt = async () => (await status()).frames.belt;
  const sum = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((all, n) => all + n, 0);

  it(
    "is back after every fault",
    async () => {
      for (const [round, { fault }] of order.entries()) {
        const before = await belt();
        socket?.write(`${fault}\n`);
        // Starts are bounded to six a minute, so a later one may have to wait for its turn.
        await eventually(
          `round ${round}: results after ${fault}`,
          async () => {
            const { cameras, frames } = await status();
            return cameras[0]?.state === "streaming" && frames.belt.results > before.results + 20;
          },
          120_000,
        );
      }
    },
    full ? 3_600_000 : 300_000,
  );

  it("has counted every frame once", async () => {
    const { frames, results, dropped, errors, underWay } = await belt();
    expect(frames).toBe(results + sum(dropped) + sum(errors) + underWay);
    expect(underWay).toBeLessThanOrEqual(4);
    // What the garbage and the cut pictures cost is counted, with its cause.
    expect(errors.source).toBeGreaterThanOrEqual(1);
    expect(Object.keys(errors)).toEqual(["source"]);
  });

  it("has not grown", async () => {
    expect((await status()).vitals.rssBytes).toBeLessThan(400e6);
  });
});
