/**
 * Conformance of engines: whatever keeps to deploy/engines/PROTOCOL.md passes, and the runners of this
 * repository do. One of your own is tried with
 *
 *   FIELDLOOP_ENGINE="python3 my_engine.py" FIELDLOOP_ENGINE_MODEL=my-model.bin \
 *   FIELDLOOP_ENGINE_INPUT=image:float32:1x3x224x224 npm run test:engines
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { loadModelFiles } from "@fieldloop/edge/infer/load";
import { openChildSession } from "@fieldloop/edge/perception/inference/child/child-session";
import { EngineProcess } from "@fieldloop/edge/perception/inference/child/engine-process";
import { encodeHead, MessageReader } from "@fieldloop/edge/perception/inference/child/messages";
import { processEngineSettings } from "@fieldloop/edge/perception/inference/child/settings";
import { silentLog } from "@fieldloop/edge/platform/log";
import { iou } from "@fieldloop/shared/vision/iou";
import { openModel } from "@fieldloop/shared-node/model";
import { openSession, type SessionOptions } from "@fieldloop/shared-node/session";
import { afterEach, describe, expect, it } from "vitest";
import { repository } from "../support/processes.ts";

const engines = join(repository, "deploy/engines");
const eggModel = join(repository, "deploy/demo/models/egg-grader/1.0.0/model.onnx");
const python = "/usr/bin/python3";
const testData = resolve(repository, process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const detector = join(testData, "face-detector.onnx");

const standIn = `PYTHONPATH=${join(repository, "test/fixtures/python")}`;

interface Candidate {
  readonly name: string;
  readonly run: readonly [string, ...string[]];
  readonly model: string;
  readonly input: {
    readonly name: string;
    readonly type: "float32" | "uint8";
    readonly dims: readonly number[];
  };
}

const eggInput = { name: "image", type: "float32", dims: [1, 3, 96, 96] } as const;

function known(): Candidate[] {
  const runner = (name: string) =>
    [python, join(engines, `${name}_engine.py`)] as [string, ...string[]];
  const model = existsSync(detector) ? detector : eggModel;
  const faces = { name: "input", type: "float32", dims: [1, 3, 240, 320] } as const;
  const input = existsSync(detector) ? faces : eggInput;
  return [
    { name: "reference", run: runner("reference"), model, input },
    { name: "opencv", run: runner("opencv"), model, input },
    // Its own code on a stand-in for the package, which Debian has not.
    { name: "onnxruntime", run: ["/usr/bin/env", standIn, ...runner("onnxruntime")], model, input },
  ];
}

/** One of somebody's own, by the environment. */
function own(): Candidate[] {
  const { FIELDLOOP_ENGINE: run, FIELDLOOP_ENGINE_MODEL: model = eggModel } = process.env;
  const [name = "image", type = "float32", dims = "1x3x224x224"] =
    process.env.FIELDLOOP_ENGINE_INPUT?.split(":") ?? [];
  if (run === undefined) return [];
  const input = {
    name,
    type: type === "uint8" ? ("uint8" as const) : ("float32" as const),
    dims: dims.split("x").map(Number),
  };
  return [{ name: run, run: run.split(" ") as [string, ...string[]], model, input }]; // never empty
}

const hasOpenCv = spawnSync(python, ["-c", "import cv2"]).status === 0;
if (!hasOpenCv) console.info(`skipping OpenCV: ${python} has no cv2 (apt install python3-opencv)`);
const candidates = [...known(), ...own()].filter(({ name }) => name !== "opencv" || hasOpenCv);

const settingsOf = (run: readonly string[], more: object = {}) =>
  processEngineSettings.parse({
    kind: "process",
    run,
    startMsMax: 30_000,
    runMsMax: 10_000,
    ...more,
  });

describe.each(candidates)("the engine $name", ({ run, model, input }) => {
  const inputBytes = input.dims.reduce((a, b) => a * b, 1) * (input.type === "uint8" ? 1 : 4);
  const open = { type: "open", path: model, input, providers: ["cpu"], threads: 1 };
  const nothing = new Uint8Array(0);
  let engine: EngineProcess | undefined;
  const start = async () => {
    engine = await EngineProcess.start(settingsOf(run));
    return engine;
  };
  afterEach(async () => {
    await engine?.close();
    engine = undefined;
  });

  /** An input that is not the same everywhere, and differs by `seed`. */
  const tensor = (seed: number): Uint8Array => {
    const length = inputBytes / (input.type === "uint8" ? 1 : 4);
    const values = Array.from({ length }, (_, i) => ((i * (seed + 3)) % 251) / 251);
    return input.type === "uint8"
      ? Uint8Array.from(values, (v) => Math.round(v * 255))
      : new Uint8Array(Float32Array.from(values).buffer);
  };

  it("says who it is, opens a model and says what comes out", async () => {
    const started = await start();
    expect(started.name).not.toBe("");
    const { head } = await started.ask("opened", open, nothing, 30_000);
    expect(head.provider).not.toBe("");
    expect(head.outputs.length).toBeGreaterThan(0);
  });

  it("answers each run with the shapes it promised, and the same for the same", async () => {
    const started = await start();
    const { outputs } = (await started.ask("opened", open, nothing, 30_000)).head;
    const results: Buffer[] = [];
    for (const seed of [1, 2, 1]) {
      const { head, payload } = await started.ask("result", { type: "run" }, tensor(seed), 30_000);
      expect(head.outputs).toEqual(outputs);
      const values = outputs.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0);
      expect(payload.length).toBe(4 * values);
      results.push(Buffer.from(payload));
    }
    expect(results[2]).toEqual(results[0]);
    expect(results[1]).not.toEqual(results[0]);
  });

  it("refuses what it cannot do in a sentence, and goes on", async () => {
    const started = await start();
    const refusals = [started.ask("result", { type: "run" }, tensor(1), 30_000)];
    await expect(refusals[0]).rejects.toThrow(/the engine .+: .+/);
    const missing = { ...open, path: "/nonexistent/model" };
    await expect(started.ask("opened", missing, nothing, 30_000)).rejects.toMatchObject({
      code: "model-unreadable",
    });
    await expect(started.ask("result", { type: "sing" }, nothing, 30_000)).rejects.toThrow(
      /the engine .+: .+/,
    );
    await started.ask("opened", open, nothing, 30_000);
    await expect(
      started.ask("result", { type: "run" }, tensor(1).subarray(4), 30_000),
    ).rejects.toThrow(/the engine .+: .+/);
    const { head } = await started.ask("result", { type: "run" }, tensor(1), 30_000);
    expect(head.type).toBe("result");
  });

  const raw = () => {
    const child = spawn(run[0], run.slice(1), { stdio: ["pipe", "ignore", "ignore", "pipe"] });
    child.stdin?.on("error", () => undefined); // it may have ended already
    const output = child.stdio[3];
    const hello = new Promise<void>((heard) => {
      const reader = new MessageReader(() => heard());
      output?.on("data", (chunk: Buffer) => reader.push(chunk));
    });
    return { child, hello, ended: once(child, "exit") as Promise<[number | null, string | null]> };
  };

  it("ends by itself when it is told to, and when the agent is gone", async () => {
    for (const goodbye of [encodeHead({ type: "close" }, 0), Buffer.alloc(0)]) {
      const { child, hello, ended } = raw();
      await hello;
      child.stdin?.end(goodbye);
      expect(await ended).toEqual([0, null]);
    }
  });

  it("does not outlive a question that it cannot read", async () => {
    const { child, hello, ended } = raw();
    await hello;
    child.stdin?.write("GET / HTTP/1.1\r\n\r\n");
    const [code] = await ended;
    expect(code).not.toBe(0);
  });
});

describe.skipIf(!hasOpenCv)("OpenCV and ONNX Runtime", () => {
  const openOpenCv = (options: SessionOptions) =>
    openChildSession(options, {
      settings: settingsOf([python, join(engines, "opencv_engine.py")]),
      log: silentLog,
    });

  it.skipIf(!existsSync(detector))("find the same faces in real photographs", async () => {
    const { options } = await loadModelFiles(
      detector,
      join(repository, "test/fixtures/face-detector.yaml"),
    );
    const [inProcess, child] = await Promise.all(
      [openSession, openOpenCv].map((open) => openModel({ ...options, openSession: open })),
    );
    const found: number[] = [];
    for (const photo of readdirSync(join(testData, "photos")).sort()) {
      const bytes = readFileSync(join(testData, "photos", photo));
      const [ours, theirs] = await Promise.all(
        [inProcess!, child!].map(async (model) => {
          return (await model.infer({ kind: "encoded", bytes }, photo)).decision.detections ?? [];
        }),
      );
      found.push(ours!.length);
      expect(theirs).toHaveLength(ours!.length);
      for (const { box } of ours!) {
        const best = Math.max(...theirs!.map((other) => iou(box, other.box)));
        expect(best).toBeGreaterThanOrEqual(0.9);
      }
    }
    expect(found.reduce((a, b) => a + b)).toBe(16);
    expect(child!.provider).toMatchObject({ effective: "opencv/cpu", source: "engine" });
    await Promise.all([inProcess!.close(), child!.close()]);
  });

  it("give the demo's golden pictures the same class", async () => {
    const { options } = await loadModelFiles(
      eggModel,
      eggModel.replace("model.onnx", "model.yaml"),
    );
    const folder = join(eggModel, "../golden");
    const models = await Promise.all(
      [openSession, openOpenCv].map((open) => openModel({ ...options, openSession: open })),
    );
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, name));
      const [ours, theirs] = await Promise.all(
        models.map(async (model) => (await model.infer({ kind: "encoded", bytes })).decision),
      );
      expect([name, theirs!.label]).toEqual([name, ours!.label]);
      expect(theirs!.confidence).toBeCloseTo(ours!.confidence, 3);
    }
    await Promise.all(models.map((model) => model.close()));
  });
});
