/**
 * An agent whose engine is a program that dies, hangs, and answers what it should not, in an order
 * drawn from a seed that is printed. Short by default; `FIELDLOOP_TEST_FULL=1` for the long run,
 * `FIELDLOOP_TEST_SEED` to repeat an order.
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
const faults = ["die", "kill", "hang", "stop", "garbage", "twice", "short", "refuse", "chatter"];
/** What costs the engine its life; after the others it goes on. */
const deadly = new Set(["die", "kill", "hang", "stop", "garbage", "twice"]);
/** Each fault once, or many times over. */
const rounds = full ? 99 : faults.length;

/** Faults in an order that the seed says; each comes as often as the others. */
const order = Array.from({ length: rounds }, (_, i) => ({
  fault: faults[i % faults.length] ?? "die",
  place: Math.floor(i / faults.length) + hashUnit(`${seed}/${i}`),
})).toSorted((a, b) => a.place - b.place);

interface Counts {
  readonly frames: number;
  readonly results: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly underWay: number;
}

interface Results {
  readonly items: readonly { readonly label: string }[];
}

describe(`an engine with ${rounds} faults, seed ${seed}`, () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let agent: Program;
  let control: Server;
  let socket: Socket | undefined;
  let lives = 0;
  let url: string;

  beforeAll(async () => {
    scratch = await scratchFolder();
    control = createServer((connected) => {
      lives++;
      socket = connected;
      connected.on("error", () => undefined); // the engine was killed
    });
    const controlPort = await freePort();
    await new Promise<void>((done) => control.listen(controlPort, "127.0.0.1", done));
    const eggs = join(repository, "deploy/demo/models/egg-grader/1.0.0");
    const module = join(repository, "deploy/demo/dist/scene/egg-line.js");
    const engine = join(repository, "test/support/faulty_engine.py");
    const started = await startLoneAgent(scratch.path, {
      model: { path: join(eggs, "model.onnx"), manifest: join(eggs, "model.yaml") },
      engine: {
        kind: "process",
        run: ["/usr/bin/python3", engine, String(controlPort)],
        runMsMax: 500,
      },
      cameras: [{ name: "belt", kind: "synthetic", fps: 20, synthetic: { module } }],
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

  const ask = async <Answer>(path: string): Promise<Answer> =>
    (await (await fetch(`${url}${path}`)).json()) as Answer; // the agent's own answer
  const belt = async () =>
    (await ask<{ readonly frames: { readonly belt: Counts } }>("/v1/status")).frames.belt;
  const sum = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((all, n) => all + n, 0);

  it(
    "is back after every fault, and no frame is answered by what it did not say",
    async () => {
      for (const [round, { fault }] of order.entries()) {
        const [before, livesBefore] = [await belt(), lives];
        socket?.write(`${fault}\n`);
        // Starts are bounded to six a minute, so a later one may have to wait for its turn.
        await eventually(
          `round ${round}: results after ${fault}`,
          async () => {
            const now = await belt();
            const isBack = deadly.has(fault) ? lives > livesBefore : true;
            return isBack && now.results > before.results + 20;
          },
          120_000,
        );
        expect(lives - livesBefore).toBe(deadly.has(fault) ? 1 : 0);
        const { items } = await ask<Results>("/v1/results");
        expect(new Set(items.map(({ label }) => label))).toEqual(new Set(["dirty"]));
      }
    },
    full ? 3_600_000 : 300_000,
  );

  it("has counted every frame once, and those without an engine as failed", async () => {
    const { frames, results, dropped, errors, underWay } = await belt();
    expect(frames).toBe(results + sum(dropped) + sum(errors) + underWay);
    expect(underWay).toBeLessThanOrEqual(4);
    expect(Object.keys(errors)).toEqual(["inference"]);
    const costly = order.filter(({ fault }) => fault !== "chatter" && fault !== "kill").length;
    expect(errors.inference).toBeGreaterThanOrEqual(costly);
  });

  it("says which engine runs the model", async () => {
    const { model } = await ask<{ readonly model: { readonly provider: string } }>("/v1/status");
    expect(model.provider).toBe("faulty/cpu");
  });

  it("leaves no engine behind", async () => {
    const gone = new Promise<void>((closed) => socket?.once("close", () => closed()));
    expect(await agent.stop()).toBe(0);
    await gone;
  });
});
