/** The demo's grader, pruned: what it saves and, without any further training, costs. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { modelSpec } from "@fieldloop/shared/manifest/model";
import { loadPixels } from "@fieldloop/shared-node/image";
import { completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { openScene, truthAt } from "../../../../../deploy/demo/src/scene/egg-line.ts";
import type { Sample } from "../evaluate.ts";
import { pruneModel } from "./prune.ts";
import { pruneText } from "./report.ts";

const folder = resolve(import.meta.dirname, "../../../../../deploy/demo/models/egg-grader/1.0.0");
const noon = Date.UTC(2026, 5, 1, 12);

async function eggs(size: { width: number; height: number }): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let camera = 0; camera < 10; camera++) {
    const seed = `pruner-${camera}`;
    const scene = openScene({ seed, settings: { world: "normal" } });
    const { width, height } = scene;
    for (let tick = 0; tick < 30; tick++) {
      const image = { kind: "raw", data: scene.render(tick, noon), width, height } as const;
      const pixels = await loadPixels(image, { size, fit: "stretch" });
      samples.push({ name: `${seed}-${tick}`, pixels, label: truthAt(seed, tick) });
    }
  }
  return samples;
}

it("the egg grader shrinks by its groups, keeps its outputs, and says what it lost", async () => {
  const file = readFileSync(resolve(folder, "model.onnx"));
  const spec = modelSpec.parse(parse(readFileSync(resolve(folder, "model.yaml"), "utf8")));
  const completion = completeSpec(spec, await readOnnxInfo(file));
  if (completion.kind === "problems") throw new Error(completion.problems.join());
  const samples = await eggs(completion.variant.input);
  const sizes: number[] = [file.length];
  for (const share of [0.1, 0.2]) {
    const { bytes, report } = await pruneModel({
      file,
      name: "model.onnx",
      ...completion,
      samples,
      share,
    });
    console.info(pruneText(report));
    expect(bytes.length).toBeLessThan(sizes.at(-1) ?? 0);
    sizes.push(bytes.length);
    expect(report.total.after.parameters).toBeLessThan(report.total.before.parameters);
    expect(report.total.after.macs).toBeLessThan(report.total.before.macs ?? 0);
    expect(report.score?.before).toMatchObject({ kind: "accuracy", samples: 300 });
    expect(report.groups.some(({ why }) => why?.includes("output embedding"))).toBe(true);
    const after = await readOnnxInfo(bytes);
    const before = await readOnnxInfo(file);
    expect(after.outputs.map(({ shape }) => shape)).toEqual(before.outputs.map((o) => o.shape));
  }
}, 120_000);
