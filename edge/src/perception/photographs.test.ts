import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { loadModelFiles } from "../infer/load.ts";
import { Camera } from "./camera/camera.ts";
import { directorySource } from "./camera/directory.ts";
import { OnnxEngine } from "./inference/onnx-engine.ts";
import { Pipeline } from "./pipeline.ts";

const testData = resolve(process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const detector = join(testData, "face-detector.onnx");
const photographs = existsSync(detector);
if (!photographs) console.info(`skipping real photographs: ${testData} is not there`);

it.skipIf(!photographs)(
  "a camera over a folder of photographs finds the faces in them",
  async () => {
    const engine = new OnnxEngine();
    const { options } = await loadModelFiles(detector, "test/fixtures/face-detector.yaml");
    await engine.load(options);
    const faces = new Map<string, number | undefined>();
    let settle = (_error?: unknown): void => undefined;
    const eight = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    const pipeline = new Pipeline({
      engine,
      cameras: [{ name: "door", policy: "wait", queueFramesMax: 2, frameAgeMsMax: null }],
      onResult: ({ frame, decision }) => {
        faces.set(frame, decision.detections?.length);
        if (faces.size === 8) settle();
      },
      onError: ({ error }) => settle(error),
      onFault: (error) => settle(error),
    });
    const camera = new Camera({
      name: "door",
      source: directorySource({ folder: join(testData, "photos") }),
      sink: pipeline.sink("door"),
    });
    pipeline.start();
    camera.start();
    await eight;
    await camera.stop();
    await pipeline.stop();
    await engine.close();
    expect(Object.fromEntries(faces)).toEqual({
      "one-person.jpg": 1,
      "four-people.jpg": 4,
      "five-people.jpg": 5,
      "six-people.jpg": 6,
      "daisy.jpg": 0,
      "tulip.jpg": 0,
      "wolves.jpg": 0,
      "horse-cart.jpg": 0,
    });
    expect(pipeline.stats("door")).toMatchObject({
      frames: 8,
      results: 8,
      dropped: {},
      errors: {},
    });
  },
);
