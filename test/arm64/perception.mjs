/**
 * The agent's perception in one process: two cameras, one of them on a region of the picture and gated
 * by motion, through the pipeline to decisions. `node perception.mjs EDGE_DIST MODEL MANIFEST PICTURES`
 * prints what each frame of each camera gave, as JSON. Runs on this machine and under emulation.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , dist, model, manifest, pictures] = process.argv;
const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { loadModelFiles } = await load("infer/load.js");
const { Camera } = await load("perception/camera/camera.js");
const { directorySource } = await load("perception/camera/directory.js");
const { MotionGate } = await load("perception/camera/motion-gate.js");
const { OnnxEngine } = await load("perception/inference/onnx-engine.js");
const { Pipeline } = await load("perception/pipeline.js");

const engine = new OnnxEngine();
const { options } = await loadModelFiles(model, manifest);
await engine.load(options);

const frames = {};
const dropped = [];
const region = [0.1, 0.1, 0.9, 0.9];
const common = { policy: "wait", queueFramesMax: 2, frameAgeMsMax: null };
const pipeline = new Pipeline({
  engine,
  cameras: [
    { name: "whole", ...common },
    { name: "part", ...common, region },
  ],
  onResult: ({ camera, frame, decision }) => {
    const { label, confidence } = decision;
    frames[`${camera}/${frame}`] = { label, confidence };
  },
  onDrop: ({ camera, frame, cause }) => dropped.push(`${camera}/${frame} ${cause}`),
  onError: ({ error }) => fail(error),
  onFault: fail,
});
function fail(error) {
  console.error(error);
  process.exit(1);
}

pipeline.start();
const settings = { areaShareMin: 0.004, levelsMin: 6, holdMs: 0, idleMs: 3_600_000 };
const gate = new MotionGate({ sink: pipeline.sink("part"), settings, region });
const source = () => directorySource({ folder: pictures });
const cameras = [
  new Camera({ name: "whole", source: source(), sink: pipeline.sink("whole") }),
  new Camera({ name: "part", source: source(), sink: gate }),
];
for (const camera of cameras) camera.start();
const expected = Number(process.argv[6]);
for (;;) {
  const { whole, part } = { whole: pipeline.stats("whole"), part: pipeline.stats("part") };
  if (whole.frames === expected && part.frames === expected && whole.underWay + part.underWay === 0)
    break;
  await new Promise((done) => setTimeout(done, 50));
}
for (const camera of cameras) await camera.stop();
await pipeline.stop();
await engine.close();
const sorted = Object.fromEntries(Object.entries(frames).sort(([a], [b]) => (a < b ? -1 : 1)));
console.log(JSON.stringify({ frames: sorted, dropped: dropped.sort() }));
