/** The agent's path from frame to decision, set up for measuring. */

import { loadModelFiles } from "@fieldloop/edge/infer/load";
import type { FrameSink } from "@fieldloop/edge/perception/camera/source";
import { OnnxEngine } from "@fieldloop/edge/perception/inference/onnx-engine";
import { type FrameResult, Pipeline } from "@fieldloop/edge/perception/pipeline";

/** Files of a model. */
export interface ModelFiles {
  readonly model: string;
  readonly manifest: string;
}

export interface Line {
  readonly engine: OnnxEngine;
  readonly pipeline: Pipeline;
  readonly sink: FrameSink;
  /** The result of the next frame that has one. */
  next(): Promise<FrameResult>;
  stop(): Promise<void>;
}

/** Opens a model and starts a pipeline of one camera. */
export async function openLine(
  files: ModelFiles,
  onResult: (result: FrameResult) => void = () => undefined,
): Promise<Line> {
  const { options } = await loadModelFiles(files.model, files.manifest);
  const engine = new OnnxEngine();
  await engine.load({ ...options, model: { kind: "file", path: files.model } });
  let waiting: PromiseWithResolvers | undefined;
  const pipeline = new Pipeline({
    engine,
    cameras: [{ name: "bench", policy: "wait", queueFramesMax: 2, frameAgeMsMax: null }],
    onResult: (result) => {
      onResult(result);
      waiting?.resolve(result);
    },
    onError: ({ error }) => waiting?.reject(error),
    onFault: (error) => waiting?.reject(error),
  });
  pipeline.start();
  return {
    engine,
    pipeline,
    sink: pipeline.sink("bench"),
    next: () =>
      new Promise<FrameResult>((resolve, reject) => {
        waiting = { resolve, reject };
      }),
    stop: async () => {
      await pipeline.stop();
      await engine.close();
    },
  };
}

interface PromiseWithResolvers {
  readonly resolve: (result: FrameResult) => void;
  readonly reject: (error: unknown) => void;
}
