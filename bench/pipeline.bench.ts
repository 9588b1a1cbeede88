/**
 * From frame to decision: time per stage, the agent's own overhead, latency of a small fleet on one
 * computer, and memory.
 */
import { fork } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, relative, resolve } from "node:path";
import type { Frame } from "@fieldloop/edge/perception/camera/source";
import { stages } from "@fieldloop/edge/perception/pipeline-stats";
import type { CameraAnswer, MemoryAnswer, Plan } from "./pipeline-child.ts";
import { type ModelFiles, openLine } from "./pipeline-setup.ts";
import { type Bar, finish, root, spread } from "./report.ts";

const warmUpFrames = 30;
const measuredFrames = 400;
const fleet = { agents: 6, periodMs: 500, seconds: 20 };

const testData = resolve(root, process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const faces: ModelFiles = {
  model: join(testData, "face-detector.onnx"),
  manifest: join(root, "test/fixtures/face-detector.yaml"),
};
const photo = join(testData, "photos/one-person.jpg");
const eggFolder = join(root, "deploy/demo/models/egg-grader/1.0.0");
const eggs: ModelFiles = {
  model: join(eggFolder, "model.onnx"),
  manifest: join(eggFolder, "model.yaml"),
};
const scene = join(root, "deploy/demo/dist/scene/egg-line.js");

/** Shows a model one frame after another, so that nothing waits in a queue. */
async function measureStages(files: ModelFiles, image: () => Frame["image"]) {
  const line = await openLine(files);
  const times = new Map(stages.map((stage) => [stage, [] as number[]]));
  const overhead: number[] = [];
  for (let i = 0; i < warmUpFrames + measuredFrames; i++) {
    const next = line.next();
    await line.sink.frame({ id: String(i), capturedAt: Date.now(), image: image() });
    const { stagesMs } = await next;
    if (i < warmUpFrames) continue;
    for (const stage of stages) times.get(stage)?.push(stagesMs[stage]);
    overhead.push(stagesMs.total - stagesMs.decode - stagesMs.infer);
  }
  const provider = line.engine.provider;
  await line.stop();
  const stagesMs = Object.fromEntries([...times].map(([stage, ms]) => [stage, spread(ms)]));
  return { frames: measuredFrames, provider, stagesMs, overheadMs: spread(overhead) };
}

/** Runs one plan in a process with the settings of the agent's launcher. */
function inChild<Answer>(plan: Plan): Promise<Answer> {
  return new Promise((settle, reject) => {
    const child = fork(join(root, "bench/dist/pipeline-child.js"), {
      execArgv: ["--max-semi-space-size=2"],
      env: { ...process.env, MALLOC_ARENA_MAX: "2" },
    });
    child.once("message", (answer) => settle(answer as Answer)); // the child answers its own plan
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the child ended with ${code} and no answer`)));
    child.send(plan);
  });
}

async function measureFleet(skipped: string[]) {
  if (!existsSync(scene) || !existsSync(eggs.model)) {
    skipped.push("fleet latency: the demo's model or its built scene is not there");
    return undefined;
  }
  const plan = (i: number): Plan => {
    const { periodMs, seconds } = fleet;
    return { kind: "camera", files: eggs, scene, seed: `bench-${i}`, periodMs, seconds };
  };
  const answers = await Promise.all(
    Array.from({ length: fleet.agents }, (_, i) => inChild<CameraAnswer>(plan(i))),
  );
  return {
    ...fleet,
    frames: answers.reduce((sum, { frames }) => sum + frames, 0),
    latencyMs: spread(answers.flatMap(({ latencyMs }) => latencyMs)),
    overheadMs: spread(answers.flatMap(({ overheadMs }) => overheadMs)),
    renderMs: spread(answers.flatMap(({ renderMs }) => renderMs)),
  };
}

async function main(): Promise<void> {
  const skipped: string[] = [];
  const bars: Bar[] = [];
  const figures: Record<string, unknown> = {};
  const kinds = [
    { name: "faces", files: faces, image: photo, what: "face detector, JPEG of 1024 x 769" },
    { name: "eggs", files: eggs, image: null, what: "egg model, raw frame of 320 x 240" },
  ];
  for (const { name, files, image, what } of kinds) {
    if (!existsSync(files.model)) {
      skipped.push(`${what}: ${relative(root, files.model)} is not there`);
      continue;
    }
    const stagesOf = await measureStages(files, frames(image));
    const memory = await inChild<MemoryAnswer>({ kind: "memory", files, frames: 300, image });
    figures[name] = { what, ...stagesOf, memory };
    console.log(what);
    console.table(stagesOf.stagesMs);
    console.log(memory);
    bars.push(
      { what: `overhead p50, ${what}`, value: stagesOf.overheadMs.p50, most: 2, unit: "ms" },
      {
        what: `memory before the first frame, ${what}`,
        value: memory.beforeFirstFrameMb,
        most: 120,
        unit: "MB",
      },
      { what: `memory after warm-up, ${what}`, value: memory.afterWarmUpMb, most: 155, unit: "MB" },
    );
  }
  const together = await measureFleet(skipped);
  if (together !== undefined) {
    figures.fleet = together;
    const what = `capture to decision p95, ${fleet.agents} agents at 2 fps on ${cpus().length} cores`;
    bars.push({ what, value: together.latencyMs.p95, most: 100, unit: "ms" });
    console.log(together);
  }
  await finish({ bench: "pipeline", figures, bars, skipped });
}

/** Frames as a camera gives them: each in memory of its own. */
function frames(path: string | null): () => Frame["image"] {
  if (path === null) {
    const data = Uint8Array.from({ length: 320 * 240 * 3 }, (_, i) => (i * 7919) % 251);
    return () => ({ kind: "raw", data: data.slice(), width: 320, height: 240 });
  }
  const bytes = readFileSync(path);
  return () => ({ kind: "encoded", bytes: Uint8Array.from(bytes) });
}

await main();
