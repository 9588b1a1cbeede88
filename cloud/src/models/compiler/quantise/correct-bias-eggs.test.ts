import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { modelSpec } from "@fieldloop/shared/manifest/model";
import { loadPixels } from "@fieldloop/shared-node/image";
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { modelOf } from "@fieldloop/shared-node/onnx/graph";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { openScene, truthAt } from "../../../../../deploy/demo/src/scene/egg-line.ts";
import { observeTensors, rangesBy } from "../calibration.ts";
import type { Sample } from "../evaluate.ts";
import { fillsOf, type Prepared, prepare } from "../prepare.ts";
import { addNoise, sqnrDb } from "../sqnr.ts";
import { correctBias } from "./correct-bias.ts";
import { lookInside } from "./expose.ts";
import { quantiseStatic } from "./static.ts";

const folder = resolve(import.meta.dirname, "../../../../../deploy/demo/models/egg-grader/1.0.0");
const noon = Date.UTC(2026, 5, 1, 12);

async function eggs(prepared: Prepared, cameras: readonly number[]): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const camera of cameras) {
    const seed = `bias-${camera}`;
    const scene = openScene({ seed, settings: { world: "normal" } });
    for (let tick = 0; tick < 36; tick += 6) {
      const image = { kind: "raw", data: scene.render(tick, noon), ...sizeOf(scene) } as const;
      const pixels = await loadPixels(image, { size: prepared.input, fit: "stretch" });
      samples.push({ name: `${seed}-${tick}`, pixels, label: truthAt(seed, tick) });
    }
  }
  return samples;
}
const sizeOf = ({ width, height }: { width: number; height: number }) => ({ width, height });

/**
 * Every layer is looked at, so ONNX Runtime fuses none and rounds the same on any processor: without VNNI
 * 8-bit weights would saturate as well, which no bias makes good.
 */
async function logitsOf(prepared: Prepared, graph: Prepared["graph"], samples: readonly Sample[]) {
  const all: Float32Array[] = [];
  const layers = graph.nodes.filter(({ opType }) => opType === "Conv");
  await lookInside({
    graph,
    input: prepared.graphInput,
    tensors: ["logits", ...layers.map(({ outputs: [name = ""] }) => name)],
    fills: fillsOf(samples, prepared.input),
    see: (tensor, values) => {
      if (tensor === "logits") all.push(values.slice());
    },
  });
  return all;
}

/** The means must be those of the line: frames spread over cameras, not neighbours of a few. */
it("the egg grader comes nearer to its float model on cameras that had no part in it", async () => {
  const file = readFileSync(resolve(folder, "model.onnx"));
  const spec = modelSpec.parse(parse(readFileSync(resolve(folder, "model.yaml"), "utf8")));
  const completion = completeSpec(spec, await readOnnxInfo(file));
  if (completion.kind === "problems") throw new Error(completion.problems.join());
  const prepared = await prepare(file, "model.onnx", completion.variant);
  const shown = await eggs(prepared, [0, 1, 2, 3, 4, 5, 6, 7]);
  const others = await eggs(prepared, [8, 9, 10, 11, 12, 13]);
  const ranges = rangesBy(await observeTensors(prepared, shown), { kind: "min-max" });
  const exact = await logitsOf(prepared, prepared.graph, others);
  const noise = async (graph: Prepared["graph"]): Promise<number> => {
    const sum = { signal: 0, noise: 0 };
    const found = await logitsOf(prepared, graph, others);
    for (const [i, values] of exact.entries()) addNoise(sum, values, found[i] ?? []);
    return sqnrDb(sum);
  };
  for (const reduced of [false, true]) {
    const plain = quantiseStatic(prepared.graph, ranges, { reduced });
    const fills = fillsOf(shown, prepared.input);
    const corrected = await correctBias({ prepared, ranges, options: { reduced }, fills });
    const [before, after] = [await noise(plain.graph), await noise(corrected.quantised.graph)];
    console.info(`${reduced ? 7 : 8} bits: ${before.toFixed(1)} dB, ${after.toFixed(1)} corrected`);
    expect(after).toBeGreaterThan(before);
    // The biases stand where others stood: the file hardly grows.
    const [small, large] = [plain, corrected.quantised].map(
      ({ graph }) => encodeModel(modelOf(graph)).length,
    );
    expect(large! / small!).toBeLessThan(1.01);
  }
}, 120_000);
