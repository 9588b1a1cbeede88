import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { afterAll, describe, expect, it } from "vitest";
import { colourModel, writeOnnx } from "../../../../shared/node/test/tiny-onnx.ts";
import { createTrialRunner, defaultTrialBounds } from "./run-trial.ts";
import { testPictures } from "./test-pictures.ts";

const folder = await mkdtemp(join(tmpdir(), "fieldloop-trial-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const spec: ModelSpec = {
  name: "colours",
  version: "1.0.0",
  labels: ["red", "green", "blue"],
  input: { mean: [0, 0, 0], std: [25.5, 25.5, 25.5] },
  output: { kind: "classification" },
};

async function requestFor(model: Uint8Array) {
  const modelPath = join(folder, sha256Of(model));
  await writeFile(modelPath, model);
  const [picture = new Uint8Array()] = await testPictures();
  const digest = sha256Of(picture);
  const path = join(folder, digest);
  await writeFile(path, picture);
  return { spec, modelPath, pictures: [{ digest, bytes: picture.length, path }] };
}

/** A program in the place of the trial's, to see what becomes of one that misbehaves. */
async function program(text: string) {
  const path = join(folder, `${sha256Of(text)}.mjs`);
  await writeFile(path, `${text}\nprocess.send("ready");`);
  return () => path;
}

const sentenceOf = (report: Awaited<ReturnType<ReturnType<typeof createTrialRunner>>>) =>
  report.kind === "problems" ? report.problems[0]?.message : report.kind;

describe("a trial in its own process", () => {
  it("answers with the completed manifest and what the model said", async () => {
    const request = await requestFor(colourModel());
    const report = await createTrialRunner()(request);
    expect(report).toMatchObject({
      kind: "fits",
      manifest: { name: "colours", task: "classification" },
      variant: { kind: "float32", input: { width: 8, height: 6 } },
      answers: [{ image: request.pictures[0]!.digest, detections: null }],
    });
  });

  it("says what does not fit", async () => {
    const request = await requestFor(Buffer.from("no model"));
    expect(sentenceOf(await createTrialRunner()(request))).toBe(
      "the model is no ONNX model, or it is damaged or cut short",
    );
  });

  it("refuses a model that asks for more memory than it may use", async () => {
    // [1, 3, 6, 8] times a column of a hundred million would be 57 GB.
    const hungry = writeOnnx({
      inputs: [{ name: "image", shape: [1, 3, 6, 8] }],
      outputs: [{ name: "logits", shape: [1, 3] }],
      nodes: [
        { opType: "GlobalAveragePool", input: ["image"], output: ["mean"] },
        { opType: "Flatten", input: ["mean"], output: ["flat"] },
        { opType: "MatMul", input: ["tall", "row"], output: ["huge"] },
        { opType: "ReduceMax", input: ["huge"], output: ["one"] },
        { opType: "Mul", input: ["flat", "one"], output: ["logits"] },
      ],
      weights: {
        tall: { dims: [40_000, 1], data: Array.from({ length: 40_000 }, () => 1) },
        row: { dims: [1, 40_000], data: Array.from({ length: 40_000 }, () => 1) },
      },
    });
    const bounds = { ...defaultTrialBounds, memoryBytesMax: 768 * 1024 * 1024 };
    const report = await createTrialRunner(bounds)(await requestFor(hungry));
    expect(sentenceOf(report)).toMatch(/^the trial run needed more memory than a trial may use/);
  });

  it("stops a model that never ends", async () => {
    const runner = createTrialRunner(
      { ...defaultTrialBounds, trialMsMax: 500 },
      await program("process.on('message', () => { for (;;); });"),
    );
    expect(sentenceOf(await runner(await requestFor(colourModel())))).toBe(
      "the trial run did not finish within 0.5 s and was stopped; the model is too large for one picture, or it never ends",
    );
  });

  it("survives a model that takes the process with it, and tries the next one", async () => {
    const crash = "process.on('message', () => process.kill(process.pid, 'SIGSEGV'));";
    let path = await program(crash);
    const runner = createTrialRunner(defaultTrialBounds, () => path());
    const request = await requestFor(colourModel());
    expect(sentenceOf(await runner(request))).toMatch(/^the trial run ended with SIGSEGV before/);
    path = await program("process.on('message', () => process.exit(7));");
    expect(sentenceOf(await runner(request))).toMatch(/^the trial run ended with exit code 7/);
    path = await program("process.on('message', () => process.send({ kind: 'fits' }));");
    expect(sentenceOf(await runner(request))).toMatch(/an answer that cannot be read/);
  });

  it("does not blame the model where the process cannot start", async () => {
    const runner = createTrialRunner(defaultTrialBounds, () => join(folder, "missing.mjs"));
    await expect(runner(await requestFor(colourModel()))).rejects.toMatchObject({
      code: "trial-broken",
      status: 500,
      message: expect.stringContaining("missing.mjs"),
    });
  });

  it("shows the process no secret of the server", async () => {
    process.env.FIELDLOOP_ADMIN_TOKEN = "secret";
    const tell =
      "process.on('message', () => process.send({ kind: 'problems', problems: [{ path: 'env', message: Object.keys(process.env).join() }] }));";
    const runner = createTrialRunner(defaultTrialBounds, await program(tell));
    const told = sentenceOf(await runner(await requestFor(colourModel())));
    delete process.env.FIELDLOOP_ADMIN_TOKEN;
    expect(told).toContain("MALLOC_ARENA_MAX");
    expect(told).not.toContain("FIELDLOOP");
  });

  it("refuses more than may wait", async () => {
    const runner = createTrialRunner({ ...defaultTrialBounds, waitingMax: 1 });
    const request = await requestFor(colourModel());
    const asked = await Promise.allSettled([1, 2, 3].map(() => runner(request)));
    expect(asked.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect(asked[2]).toMatchObject({ reason: { code: "trials-busy", retryable: true } });
  });
});
