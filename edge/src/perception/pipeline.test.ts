import { setImmediate as turn } from "node:timers/promises";
import { AppError } from "@fieldloop/shared/errors";
import { histogramCount } from "@fieldloop/shared/sketches/histogram";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Frame } from "./camera/source.ts";
import { dropPolicies } from "./frame-queue.ts";
import { FakeEngine } from "./inference/fake-engine.ts";
import {
  type FrameDrop,
  type FrameError,
  type FrameResult,
  Pipeline,
  type PipelineCamera,
  type PipelineOptions,
} from "./pipeline.ts";

const camera = (change: Partial<PipelineCamera> = {}): PipelineCamera => ({
  name: "cam",
  policy: "drop-oldest",
  queueFramesMax: 2,
  frameAgeMsMax: null,
  ...change,
});

const frame = (id: number | string, capturedAt = 1000): Frame => ({
  id: String(id),
  capturedAt,
  image: { kind: "raw", data: new Uint8Array(12), width: 2, height: 2 },
});

function set(cameras: readonly PipelineCamera[], change: Partial<PipelineOptions> = {}) {
  const engine = new FakeEngine();
  const results: FrameResult[] = [];
  const drops: FrameDrop[] = [];
  const errors: FrameError[] = [];
  const faults: unknown[] = [];
  const pipeline = new Pipeline({
    engine,
    cameras,
    now: () => 1050,
    onResult: (result) => void results.push(result),
    onDrop: (drop) => void drops.push(drop),
    onError: (error) => void errors.push(error),
    onFault: (error) => void faults.push(error),
    ...change,
  });
  pipeline.start();
  return { engine, results, drops, errors, faults, pipeline };
}

/** Lets everything pass until nothing moves. */
async function drain(engine: FakeEngine): Promise<void> {
  for (let idle = 0; idle < 3; ) {
    const step = engine.inferring.shift() ?? engine.decoding.shift();
    step?.resolve();
    await turn();
    idle = step === undefined ? idle + 1 : 0;
  }
}

describe("Pipeline", () => {
  it("tells what a frame gave, with its latency and the time of every stage", async () => {
    const { pipeline, engine, results } = set([camera()]);
    const offer = await pipeline.sink("cam").frame(frame(7));
    await drain(engine);
    expect(offer).toEqual({ kind: "accepted" });
    expect(results).toMatchObject([
      { camera: "cam", frame: "7", capturedAt: 1000, model: "fake@1.0.0", latencyMs: 50 },
    ]);
    expect(Object.keys(results[0]!.stagesMs)).toEqual([
      "wait",
      "decode",
      "tensor",
      "infer",
      "post",
      "total",
    ]);
    const { stages } = pipeline.stats("cam");
    for (const histogram of Object.values(stages)) expect(histogramCount(histogram)).toBe(1);
    await pipeline.stop();
  });

  it("decodes the next frame while one runs, and no further", async () => {
    const { pipeline, engine } = set([camera({ queueFramesMax: 5 })]);
    for (const id of [1, 2, 3]) await pipeline.sink("cam").frame(frame(id));
    await turn();
    expect(engine.decoding.map(({ what }) => what)).toEqual(["frame 1"]);
    engine.decoding.shift()?.resolve();
    await turn();
    expect(engine.inferring.map(({ what }) => what)).toEqual(["frame 1"]);
    expect(engine.decoding.map(({ what }) => what)).toEqual(["frame 2"]);
    engine.decoding.shift()?.resolve();
    await turn();
    expect(engine.decoding).toEqual([]); // the third waits in its queue
    await drain(engine);
    await pipeline.stop();
  });

  it("drops the oldest waiting frame of a live camera when full", async () => {
    const { pipeline, engine, drops, results } = set([camera()]);
    for (const id of [1, 2, 3, 4, 5]) {
      await pipeline.sink("cam").frame(frame(id));
      await turn();
    }
    await drain(engine);
    expect(drops).toEqual([
      { camera: "cam", frame: "2", cause: "busy" },
      { camera: "cam", frame: "3", cause: "busy" },
    ]);
    expect(results.map((result) => result.frame)).toEqual(["1", "4", "5"]);
    await pipeline.stop();
  });

  it("drops the new frame where the policy says so", async () => {
    const { pipeline, engine, results } = set([camera({ policy: "drop-latest" })]);
    const offers = [];
    for (const id of [1, 2, 3, 4]) {
      offers.push(await pipeline.sink("cam").frame(frame(id)));
      await turn();
    }
    await drain(engine);
    expect(offers.at(-1)).toEqual({ kind: "dropped", cause: "busy" });
    expect(results.map((result) => result.frame)).toEqual(["1", "2", "3"]);
    await pipeline.stop();
  });

  it("slows the source down under the policy wait, and loses nothing", async () => {
    const { pipeline, engine, results } = set([camera({ policy: "wait" })]);
    const sink = pipeline.sink("cam");
    const source = (async () => {
      for (let id = 0; id < 20; id++) await sink.frame(frame(id));
    })();
    await drain(engine);
    await source;
    expect(results.map((result) => result.frame)).toEqual(
      Array.from({ length: 20 }, (_, i) => String(i)),
    );
    await pipeline.stop();
  });

  it("drops frames that are too old or too large, and says which", async () => {
    const { pipeline, engine, drops } = set([camera({ frameAgeMsMax: 100 })], {
      frameBytesMax: 12,
    });
    await pipeline.sink("cam").frame(frame("old", 900));
    await pipeline.sink("cam").frame({
      ...frame("big"),
      image: { kind: "encoded", bytes: new Uint8Array(13) },
    });
    await drain(engine);
    expect(drops.map(({ frame: id, cause }) => [id, cause])).toEqual([
      ["big", "oversized"],
      ["old", "stale"],
    ]);
    await pipeline.stop();
  });

  it("goes on after a frame that cannot be decoded or inferred", async () => {
    const { pipeline, engine, errors, results } = set([camera({ queueFramesMax: 3 })]);
    for (const id of [1, 2, 3]) await pipeline.sink("cam").frame(frame(id));
    await turn();
    engine.decoding
      .shift()
      ?.reject(new AppError({ code: "image-unreadable", message: "frame 1 is cut short" }));
    await turn();
    engine.decoding.shift()?.resolve();
    await turn();
    engine.inferring.shift()?.reject(new Error("out of memory"));
    await drain(engine);
    expect(errors.map(({ frame: id, cause, error }) => [id, cause, error.message])).toEqual([
      ["1", "decode", "frame 1 is cut short"],
      ["2", "inference", "out of memory"],
    ]);
    expect(results.map((result) => result.frame)).toEqual(["3"]);
    await pipeline.stop();
  });

  it("goes on when a callback throws, and reports the fault", async () => {
    const { pipeline, engine, faults } = set([camera()], {
      onResult: () => {
        throw new Error("bug");
      },
    });
    await pipeline.sink("cam").frame(frame(1));
    await drain(engine);
    await pipeline.sink("cam").frame(frame(2));
    await drain(engine);
    expect(faults).toHaveLength(2);
    expect(pipeline.stats("cam").results).toBe(2);
    await pipeline.stop();
  });

  it("lets cameras take turns", async () => {
    const cameras = [camera({ name: "a", queueFramesMax: 4 }), camera({ name: "b" })];
    const { pipeline, engine, results } = set(cameras);
    for (const id of [1, 2, 3, 4]) await pipeline.sink("a").frame(frame(`a${id}`));
    for (const id of [1, 2]) await pipeline.sink("b").frame(frame(`b${id}`));
    await drain(engine);
    expect(results.map((result) => result.frame)).toEqual(["a1", "b1", "a2", "b2", "a3", "a4"]);
    await pipeline.stop();
  });

  it("finishes frames under way when it stops, and drops those that wait", async () => {
    const { pipeline, engine, results, drops } = set([camera({ policy: "wait" })]);
    const sink = pipeline.sink("cam");
    const offers = [1, 2, 3, 4, 5].map((id) => sink.frame(frame(id)));
    await turn();
    const stopped = pipeline.stop();
    await drain(engine);
    await stopped;
    expect(results.map((result) => result.frame)).toEqual(["1"]);
    expect(drops.map(({ frame: id, cause }) => `${id} ${cause}`).sort()).toEqual([
      "2 stopping",
      "3 stopping",
      "4 stopping",
      "5 stopping",
    ]);
    expect(await Promise.all(offers)).toContainEqual({ kind: "dropped", cause: "stopping" });
    expect(await sink.frame(frame(6))).toEqual({ kind: "dropped", cause: "stopping" });
    expect(pipeline.stats("cam").underWay).toBe(0);
  });

  it("starts again after a stop", async () => {
    const { pipeline, engine, results } = set([camera()]);
    await pipeline.stop();
    pipeline.start();
    await pipeline.sink("cam").frame(frame(1));
    await drain(engine);
    expect(results).toHaveLength(1);
    await pipeline.stop();
  });

  it("gives a small JPEG of the last frame with its result", async () => {
    const { pipeline, engine } = set([camera()]);
    const size = { widthMax: 480, bytesMax: 20_000 };
    expect(await pipeline.snapshot("cam", size)).toBeUndefined();
    await pipeline.sink("cam").frame(frame(1));
    await drain(engine);
    const shot = await pipeline.snapshot("cam", size);
    expect(shot?.result.frame).toBe("1");
    expect([...shot!.jpeg.subarray(0, 2)]).toEqual([0xff, 0xd8]);
    await pipeline.stop();
  });

  it("counts every frame exactly once, whatever happens", async () => {
    const command = fc.constantFrom(
      ...(["frame a", "frame b", "old", "big", "lost", "gone"] as const),
      ...(["decode", "decode fails", "infer", "infer fails"] as const),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...dropPolicies),
        fc.integer({ min: 1, max: 3 }),
        fc.array(command, { maxLength: 40 }),
        async (policy, queueFramesMax, commands) => {
          const shared = { policy, queueFramesMax, frameAgeMsMax: 500 };
          const names = ["a", "b"];
          const world = set(
            names.map((name) => camera({ name, ...shared })),
            { frameBytesMax: 12 },
          );
          const { pipeline, engine, results, drops, errors } = world;
          let offered = 0;
          const check = () => {
            for (const name of names) {
              const {
                frames,
                results: good,
                dropped,
                errors: bad,
                underWay,
              } = pipeline.stats(name);
              const sum = (counts: object) =>
                Object.values(counts).reduce((a: number, b: number) => a + b, 0);
              expect(frames).toBe(good + sum(dropped) + sum(bad) + underWay);
              expect(underWay).toBeGreaterThanOrEqual(0);
              expect(good).toBe(results.filter((r) => r.camera === name).length);
              expect(sum(dropped)).toBe(drops.filter((d) => d.camera === name).length);
              expect(sum(bad)).toBe(errors.filter((e) => e.camera === name).length);
            }
            const total = names.reduce((n, name) => n + pipeline.stats(name).frames, 0);
            expect(total).toBe(offered);
          };
          for (const one of commands) {
            const sink = pipeline.sink(one === "frame b" ? "b" : "a");
            const id = String(offered);
            const before = offered;
            offered++;
            if (one.startsWith("frame")) void sink.frame(frame(id));
            else if (one === "old") void sink.frame(frame(id, 10));
            else if (one === "big") {
              const image = { kind: "encoded", bytes: new Uint8Array(50) } as const;
              void sink.frame({ ...frame(id), image });
            } else if (one === "lost") sink.dropped(id, "oversized");
            else if (one === "gone")
              sink.failed(id, new AppError({ code: "source-failed", message: "gone" }));
            else {
              offered = before;
              const step = (one.startsWith("decode") ? engine.decoding : engine.inferring).shift();
              if (one.endsWith("fails")) step?.reject(new Error("broken"));
              else step?.resolve();
            }
            await turn();
            check();
          }
          const stopped = pipeline.stop();
          await drain(engine);
          await stopped;
          check();
          for (const name of names) expect(pipeline.stats(name).underWay).toBe(0);
          expect(engine.claims).toBe(0);
          const told = [...results, ...drops, ...errors].map((one) => one.frame);
          expect(new Set(told).size).toBe(offered);
          expect(told).toHaveLength(offered);
        },
      ),
      { numRuns: 60 },
    );
  });
});
