import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { modelSpec } from "@fieldloop/shared/manifest/model";
import { type Model, openModel } from "@fieldloop/shared-node/model";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { LABELS, openScene, truthAt, type World } from "../scene/egg-line.ts";

const root = path.resolve(import.meta.dirname, "../../models");
const NOON = Date.UTC(2026, 5, 1, 12);
/** Enough that luck moves an accuracy by little more than two points. */
const FRAMES = 160;

function specAt(folder: string) {
  return modelSpec.parse(parse(readFileSync(path.join(folder, "model.yaml"), "utf8")));
}

async function open(name: string, version: string): Promise<Model> {
  const folder = path.join(root, name, version);
  const spec = specAt(folder);
  const output = { kind: "classification", scores: "logits", activation: "softmax" } as const;
  return openModel({
    manifest: { name, version, labels: spec.labels ?? [], output },
    variant: {
      input: {
        name: "input",
        layout: "NCHW",
        type: "float32",
        width: 160,
        height: 120,
        fit: "stretch",
        colour: "rgb",
        mean: [127.5, 127.5, 127.5],
        std: [127.5, 127.5, 127.5],
      },
      temperature: spec.temperature ?? 1,
      goldens: [],
    },
    model: { kind: "file", path: path.join(folder, "model.onnx") },
  });
}

/** Accuracy on frames of a camera that no model was trained or measured on. */
async function accuracy(model: Model, world: World): Promise<number> {
  const seed = "never-seen";
  const scene = openScene({ seed, settings: { world } });
  let right = 0;
  for (let tick = 0; tick < FRAMES; tick++) {
    const data = scene.render(tick, NOON);
    const image = { kind: "raw", data, width: scene.width, height: scene.height } as const;
    const { decision } = await model.infer(image);
    if (decision.label === truthAt(seed, tick)) right++;
  }
  return right / FRAMES;
}

const versions = readdirSync(root).flatMap((name) =>
  readdirSync(path.join(root, name)).map((version) => [name, version] as const),
);
const opened: Model[] = [];
afterAll(() => Promise.all(opened.map((model) => model.close())));

describe.each(versions)("%s %s", (name, version) => {
  const folder = path.join(root, name, version);

  it("says what it is, with labels in the line's order", () => {
    const spec = specAt(folder);
    expect([spec.name, spec.version, spec.licence]).toEqual([name, version, "Apache-2.0"]);
    expect(spec.labels).toEqual([...LABELS]);
    expect(spec.golden).toHaveLength(LABELS.length);
    for (const file of ["training.json", "evaluation.json"]) {
      expect(existsSync(path.join(folder, file))).toBe(true);
    }
  });

  it("is small enough for where it runs", () => {
    const { size } = statSync(path.join(folder, "model.onnx"));
    expect(size).toBeLessThan(name.endsWith("teacher") ? 12e6 : 3e6);
  });

  it("is sure of its golden images", async () => {
    const model = await open(name, version);
    opened.push(model);
    for (const golden of specAt(folder).golden ?? []) {
      const bytes = readFileSync(path.join(folder, golden));
      const { decision } = await model.infer({ kind: "encoded", bytes });
      expect(decision.label).toBe(path.parse(golden).name);
      expect(decision.confidence).toBeGreaterThan(0.9);
    }
  });
});

describe("on a camera nobody trained for", () => {
  it.each(versions.filter(([name]) => name === "egg-grader"))(
    "%s %s is good at white eggs and clearly worse at brown ones",
    async (name, version) => {
      const model = await open(name, version);
      opened.push(model);
      const usual = await accuracy(model, "normal");
      expect(usual).toBeGreaterThan(0.93);
      expect(await accuracy(model, "brown-eggs")).toBeLessThan(usual - 0.12);
    },
  );

  it.each(["normal", "lamp-aging", "dirty-lens", "brown-eggs"] as const)(
    "the teacher is good in the world %s",
    async (world) => {
      const model = await open("egg-grader-teacher", "1.0.0");
      opened.push(model);
      expect(await accuracy(model, world)).toBeGreaterThan(0.92);
    },
  );
});
