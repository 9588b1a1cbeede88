/**
 * What it costs to have an engine beside the agent: the way of a tensor through the pipe and back, and
 * the face detector in OpenCV beside the agent against ONNX Runtime inside it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { loadModelFiles } from "@fieldloop/edge/infer/load";
import { openChildSession } from "@fieldloop/edge/perception/inference/child/child-session";
import { processEngineSettings } from "@fieldloop/edge/perception/inference/child/settings";
import { silentLog } from "@fieldloop/edge/platform/log";
import { openModel } from "@fieldloop/shared-node/model";
import { openSession, type SessionOptions } from "@fieldloop/shared-node/session";
import { finish, root, spread } from "./report.ts";

const python = "/usr/bin/python3";
const rounds = 200;
const warmUps = 20;

const childOf = (runner: string) => (options: SessionOptions) =>
  openChildSession(options, {
    settings: processEngineSettings.parse({
      kind: "process",
      run: [python, join(root, "deploy/engines", `${runner}_engine.py`)],
    }),
    log: silentLog,
  });

/** Milliseconds of each of the calls, in turns. */
async function inTurns<Name extends string>(
  calls: Readonly<Record<Name, () => Promise<unknown>>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(calls) as Name[]; // keys of a literal
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]]));
  for (let i = -warmUps; i < rounds; i++)
    for (const name of names) {
      const from = performance.now();
      await calls[name]();
      if (i >= 0) times[name]?.push(performance.now() - from);
    }
  return times as Record<Name, number[]>; // one list for each name
}

/** The reference engine adds up its input in numpy, which is measured in the same program by itself. */
async function pipeMs(width: number, height: number) {
  const data = new Float32Array(3 * width * height);
  const input = { name: "image", dims: [1, 3, height, width], data };
  const model = { kind: "file", path: join(root, "package.json") } as const;
  const session = await childOf("reference")({ model, providers: [], intraOpThreads: 1, input });
  const times = await inTurns({
    run: () =>
      session.run(
        () => undefined,
        () => undefined,
      ),
  });
  await session.release();
  const code = `import numpy,time
a=numpy.zeros((1,3,${height},${width}),numpy.float32)
t=[]
for _ in range(${rounds}):
  s=time.perf_counter(); a.reshape(1,-1).sum(axis=1,dtype="float64"); t.append(time.perf_counter()-s)
print(sorted(t)[len(t)//2]*1000)`;
  const sumMs = Number(spawnSync(python, ["-c", code]).stdout.toString());
  const there = spread(times.run);
  return { megabytes: data.byteLength / 1e6, ...there, sumMs, pipeMs: there.p50 - sumMs };
}

const testData = resolve(root, process.env.FIELDLOOP_TEST_DATA ?? "../shared/data");
const detector = join(testData, "face-detector.onnx");
const skipped: string[] = [];
const small = await pipeMs(320, 240);
const large = await pipeMs(640, 640);
const figures: Record<string, unknown> = {
  machine: `${cpus().length} cores, ${cpus()[0]?.model ?? "unknown"}`,
  pipe: { "320x240": small, "640x640": large },
};
const hasOpenCv = spawnSync(python, ["-c", "import cv2"]).status === 0;
if (hasOpenCv && existsSync(detector)) {
  const { options } = await loadModelFiles(
    detector,
    join(root, "test/fixtures/face-detector.yaml"),
  );
  const [inside, beside] = await Promise.all([
    openModel({ ...options, openSession }),
    openModel({ ...options, openSession: childOf("opencv") }),
  ]);
  const bytes = readFileSync(join(testData, "photos/five-people.jpg"));
  const pixels = await inside.prepare({ kind: "encoded", bytes });
  const times = await inTurns({
    inside: () => inside.run(pixels),
    beside: () => beside.run(pixels),
  });
  figures.faces = { onnxruntimeInside: spread(times.inside), opencvBeside: spread(times.beside) };
  await Promise.all([inside.close(), beside.close()]);
} else skipped.push(`the face detector: ${python} has no cv2, or ${detector} is not there`);
console.log(JSON.stringify(figures, null, 2));
await finish({
  bench: "engines",
  figures,
  bars: [
    {
      what: "a 320 x 240 float tensor through the pipe and back, p50",
      value: Math.round(small.pipeMs * 100) / 100,
      unit: "ms",
      most: 2,
    },
  ],
  skipped,
});
