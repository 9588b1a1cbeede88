import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { colourModel, writeOnnx } from "../../test/tiny-onnx.ts";
import { readOnnxInfo } from "./metadata.ts";

const detector = join(
  resolve(process.env.FIELDLOOP_TEST_DATA ?? "../shared/data"),
  "face-detector.onnx",
);

describe("readOnnxInfo", () => {
  it("reads names, types and shapes, with dimensions the graph only names", async () => {
    const info = await readOnnxInfo(colourModel(8, 6, "batch"));
    expect(info).toMatchObject({
      irVersion: 8,
      opset: 13,
      producer: "tiny 1",
      inputs: [{ name: "image", type: "float32", shape: ["batch", 3, 6, 8] }],
      outputs: [{ name: "logits", type: "float32", shape: ["batch", 3] }],
      operators: { GlobalAveragePool: 1, Flatten: 1 },
    });
  });

  it("leaves out weights that an old exporter lists as inputs", async () => {
    const info = await readOnnxInfo(
      writeOnnx({
        inputs: [
          { name: "image", shape: [1, 3, 2, 2] },
          { name: "weight", shape: [1] },
        ],
        outputs: [{ name: "out", shape: [1] }],
        weights: { weight: { dims: [1], data: [0.5] } },
        metadata: { task: "classify", names: "{0: 'a'}" },
      }),
    );
    expect(info.inputs.map(({ name }) => name)).toEqual(["image"]);
    expect(info.weightTypes).toEqual(["float32"]);
    expect(info.metadata).toEqual({ task: "classify", names: "{0: 'a'}" });
  });

  it("says in one sentence what is no model or cut short", async () => {
    const whole = colourModel();
    const sentence = "m.onnx is no ONNX model, or it is damaged or cut short";
    for (const bytes of [
      whole.subarray(0, whole.length - 20),
      Buffer.from("name: not-a-model\nversion: 1.0.0\n"),
      new Uint8Array(),
      new Uint8Array(64),
    ]) {
      await expect(readOnnxInfo(bytes, "m.onnx")).rejects.toThrow(sentence);
    }
  });

  it("either reads or refuses any bytes, and never fails otherwise", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const refused = await readOnnxInfo(bytes).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (refused !== undefined) expect(refused).toMatchObject({ code: "model-unreadable" });
      }),
    );
  });

  it.skipIf(!existsSync(detector))("reads the face detector", async () => {
    const info = await readOnnxInfo(readFileSync(detector), "face-detector.onnx");
    expect(info.inputs).toEqual([{ name: "input", type: "float32", shape: [1, 3, 240, 320] }]);
    expect(info.outputs).toEqual([
      { name: "scores", type: "float32", shape: [1, 4420, 2] },
      { name: "boxes", type: "float32", shape: [1, 4420, 4] },
    ]);
  });
});
