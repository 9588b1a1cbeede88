/**
 * A process like an agent, for `pipeline.bench.ts`: reads one plan from its parent, runs it, and
 * answers with one message.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Frame } from "@fieldloop/edge/perception/camera/source";
import { SyntheticSource } from "@fieldloop/edge/perception/camera/synthetic";
import type { FrameResult } from "@fieldloop/edge/perception/pipeline";
import { type ModelFiles, openLine } from "./pipeline-setup.ts";

export type Plan =
  | {
      readonly kind: "memory";
      readonly files: ModelFiles;
      readonly frames: number;
      /** A frame to show again and again: an encoded file, or raw RGB 320 x 240. */
      readonly image: string | null;
    }
  | {
      readonly kind: "camera";
      readonly files: ModelFiles;
      readonly scene: string;
      readonly seed: string;
      readonly periodMs: number;
      readonly seconds: number;
    };

export interface MemoryAnswer {
  readonly kind: "memory";
  /** Resident bytes, in millions. */
  readonly librariesMb: number;
  readonly beforeFirstFrameMb: number;
  readonly afterWarmUpMb: number;
}

export interface CameraAnswer {
  readonly kind: "camera";
  readonly latencyMs: readonly number[];
  readonly overheadMs: readonly number[];
  readonly renderMs: readonly number[];
  readonly frames: number;
}

process.once("message", (plan: Plan) => {
  const work = plan.kind === "memory" ? measureMemory(plan) : watch(plan);
  work.then(
    (answer) => process.send?.(answer, undefined, undefined, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

/** All that is neither decoding nor ONNX Runtime; for frames that did not queue. */
export function overheadOf({ stagesMs }: FrameResult): number {
  return stagesMs.total - stagesMs.decode - stagesMs.infer;
}

async function measureMemory(plan: Extract<Plan, { kind: "memory" }>): Promise<MemoryAnswer> {
  // What an agent holds besides its eye.
  await Promise.all([import("better-sqlite3"), import("mqtt"), import("pino"), import("yaml")]);
  const librariesMb = residentMb();
  const line = await openLine(plan.files);
  const beforeFirstFrameMb = residentMb();
  const image = await frameImage(plan.image);
  for (let i = 0; i < plan.frames; i++) {
    const result = line.next();
    await line.sink.frame({ id: String(i), capturedAt: Date.now(), image: copy(image) });
    await result;
  }
  const afterWarmUpMb = residentMb();
  await line.stop();
  return { kind: "memory", librariesMb, beforeFirstFrameMb, afterWarmUpMb };
}

async function watch(plan: Extract<Plan, { kind: "camera" }>): Promise<CameraAnswer> {
  const results: FrameResult[] = [];
  const renderMs: number[] = [];
  const { scene: module, seed, periodMs } = plan;
  const line = await openLine(plan.files, (result) => results.push(result));
  const source = new SyntheticSource({ module, seed, periodMs, settings: { world: "normal" } });
  const stop = new AbortController();
  const sink = {
    ...line.sink,
    frame: (frame: Frame) => {
      renderMs.push(source.renderMs);
      return line.sink.frame(frame);
    },
  };
  const running = source.run(sink, stop.signal);
  await sleep(plan.seconds * 1000);
  stop.abort();
  await running;
  await line.stop();
  const measured = results.slice(2); // the first frames load sharp
  return {
    kind: "camera",
    latencyMs: measured.map(({ latencyMs }) => latencyMs),
    overheadMs: measured.map(overheadOf),
    renderMs: renderMs.slice(2),
    frames: results.length,
  };
}

async function frameImage(path: string | null): Promise<Frame["image"]> {
  if (path !== null) {
    const { readFile } = await import("node:fs/promises");
    return { kind: "encoded", bytes: await readFile(path) };
  }
  const data = Uint8Array.from({ length: 320 * 240 * 3 }, (_, i) => (i * 7919) % 251);
  return { kind: "raw", data, width: 320, height: 240 };
}

/** Every frame of a camera comes in memory of its own. */
function copy(image: Frame["image"]): Frame["image"] {
  return image.kind === "encoded"
    ? { kind: "encoded", bytes: image.bytes.slice() }
    : { ...image, data: image.data.slice() };
}

function residentMb(): number {
  return Math.round(process.memoryUsage.rss() / 1e5) / 10;
}
