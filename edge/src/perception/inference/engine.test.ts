import { setImmediate as turn } from "node:timers/promises";
import { AppError } from "@fieldloop/shared/errors";
import type { Model, ModelOptions } from "@fieldloop/shared-node/model";
import { describe, expect, it } from "vitest";
import { colourModel } from "../../../../shared/node/test/tiny-onnx.ts";
import { Pipeline } from "../pipeline.ts";
import { OnnxEngine } from "./onnx-engine.ts";

const options = (version: string, labels = ["red", "green", "blue"]): ModelOptions => ({
  manifest: {
    name: "colours",
    version,
    labels,
    output: { kind: "classification", scores: "logits", activation: "softmax" },
  },
  variant: {
    input: {
      name: "image",
      layout: "NCHW",
      type: "float32",
      width: 8,
      height: 6,
      fit: "stretch",
      colour: "rgb",
      mean: [0, 0, 0],
      std: [25.5, 25.5, 25.5],
    },
    temperature: 1,
    goldens: [],
  },
  model: { kind: "bytes", bytes: colourModel(), name: "colours.onnx" },
});

const red = {
  kind: "raw",
  data: Uint8Array.from({ length: 8 * 6 * 3 }, (_, i) => (i % 3 === 0 ? 250 : 0)),
  width: 8,
  height: 6,
} as const;

/** A model that says when it is closed. */
function fakeModel(id: string, closed: string[]): Model {
  const decision = { label: id, confidence: 1, detections: null };
  const stagesMs = { tensor: 0, run: 0, post: 0 };
  const geometry = {
    input: { width: 1, height: 1 },
    content: { width: 1, height: 1 },
    left: 0,
    top: 0,
  };
  return {
    id,
    provider: { requested: ["cpu"], effective: "cpu", nodes: {}, source: "opened", refused: [] },
    prepare: async () => ({ data: new Uint8Array(3), geometry }),
    run: async () => ({ decision, classScores: null, stagesMs }),
    infer: async () => ({ decision, stagesMs: { ...stagesMs, decode: 0 } }),
    checkGoldens: async () => ({ kind: "pass", checked: 0 }),
    outputs: async () => ({}),
    close: async () => void closed.push(id),
  };
}

describe("OnnxEngine", () => {
  it("says that there is no model yet", async () => {
    const engine = new OnnxEngine();
    expect(engine.model).toBeNull();
    await expect(engine.prepare(red, "frame 1")).rejects.toMatchObject({ code: "no-model" });
  });

  it("runs real models and swaps them", async () => {
    const engine = new OnnxEngine();
    await engine.load(options("1.0.0"));
    const old = await engine.prepare(red, "frame 1");
    await engine.load(options("2.0.0", ["rouge", "vert", "bleu"]));
    expect(engine.model).toBe("colours@2.0.0");
    expect(engine.provider).toMatchObject({ effective: "cpu" });
    const fresh = await engine.prepare(red, "frame 2");
    expect([old.model, (await old.infer()).decision.label]).toEqual(["colours@1.0.0", "red"]);
    expect([fresh.model, (await fresh.infer()).decision.label]).toEqual(["colours@2.0.0", "rouge"]);
    await engine.close();
  });

  it("closes an old model only after its last frame", async () => {
    const closed: string[] = [];
    const models = [fakeModel("a@1.0.0", closed), fakeModel("b@1.0.0", closed)];
    const engine = new OnnxEngine({ open: async () => models.shift()! });
    await engine.load(options("1.0.0"));
    const [first, second] = [await engine.prepare(red, "1"), await engine.prepare(red, "2")];
    await engine.load(options("1.0.0"));
    expect(closed).toEqual([]);
    expect((await first.infer()).decision.label).toBe("a@1.0.0");
    first.release(); // harmless after `infer`
    expect(closed).toEqual([]);
    second.release();
    expect(closed).toEqual(["a@1.0.0"]);
    await engine.close();
    expect(closed).toEqual(["a@1.0.0", "b@1.0.0"]);
  });

  it("keeps the old model when the new one cannot be opened or is not accepted", async () => {
    const closed: string[] = [];
    const models = [fakeModel("a@1.0.0", closed), fakeModel("b@1.0.0", closed)];
    const engine = new OnnxEngine({
      open: async () => {
        const model = models.shift();
        if (model === undefined) throw new AppError({ code: "model-unreadable", message: "cut" });
        return model;
      },
    });
    await engine.load(options("1.0.0"));
    const refuse = async () => {
      throw new AppError({ code: "golden", message: "a golden image gives another answer" });
    };
    await expect(engine.load(options("2.0.0"), refuse)).rejects.toThrow("another answer");
    await expect(engine.load(options("3.0.0"))).rejects.toThrow("cut");
    expect(engine.model).toBe("a@1.0.0");
    expect(closed).toEqual(["b@1.0.0"]);
    await engine.close();
  });

  it("loses no frame while models change under a running pipeline", async () => {
    const engine = new OnnxEngine();
    await engine.load(options("1.0.0"));
    const models: string[] = [];
    const pipeline = new Pipeline({
      engine,
      cameras: [{ name: "cam", policy: "wait", queueFramesMax: 2, frameAgeMsMax: null }],
      onResult: ({ model }) => void models.push(model),
      onFault: (error) => {
        throw error;
      },
    });
    pipeline.start();
    const sink = pipeline.sink("cam");
    for (let i = 0; i < 200; i++) {
      if (i % 50 === 25) await engine.load(options(`1.0.${i}`));
      await sink.frame({ id: String(i), capturedAt: 0, image: red });
    }
    while (pipeline.stats("cam").underWay > 0) await turn();
    await pipeline.stop();
    await engine.close();
    expect(pipeline.stats("cam")).toMatchObject({ frames: 200, results: 200, errors: {} });
    expect([...new Set(models)]).toEqual([
      "colours@1.0.0",
      "colours@1.0.25",
      "colours@1.0.75",
      "colours@1.0.125",
      "colours@1.0.175",
    ]);
  });
});
