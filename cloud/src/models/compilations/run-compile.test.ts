import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { temporaryFolder } from "@fieldloop/test/support/folder";
import { beforeAll, describe, expect, it } from "vitest";
import {
  redOrBlue,
  redOrBluePicture,
  redOrBlueSpec,
} from "../../../../test/support/red-or-blue.ts";
import type { CompileMessage, CompileRequest } from "./compile-messages.ts";
import { createCompileRunner, defaultCompileBounds } from "./run-compile.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const samples: CompileRequest["samples"] = [];

beforeAll(async () => {
  await writeFile(at("model"), redOrBlue());
  for (let i = 0; i < 8; i++) {
    const { name, label, jpeg } = await redOrBluePicture(i);
    await writeFile(at(name), jpeg);
    samples.push({ name, label, path: at(name) });
  }
});

function task(change: Partial<CompileRequest> = {}) {
  const heard: CompileMessage[] = [];
  const abort = new AbortController();
  const request: CompileRequest = {
    ...{ spec: redOrBlueSpec, modelPath: at("model"), samples, goldens: [] },
    ...{ lossPointsMax: 0.5, kinds: ["int8"], trials: [], folder },
    ...change,
  };
  const tell = (message: CompileMessage) => void heard.push(message);
  return { task: { request, tell, signal: abort.signal }, heard, abort };
}

/** A program in the place of the compiler's, to see what becomes of one that misbehaves. */
async function program(text: string): Promise<string> {
  const path = at(`${sha256Of(text)}.mjs`);
  await writeFile(path, `${text}\nprocess.send("ready");`);
  return path;
}
const onRequest = (text: string) => program(`process.on("message", (request) => { ${text} });`);

describe("a compilation in its own process", () => {
  it("leaves files under their digests and tells stages on its way", async () => {
    const out = at("out");
    await mkdir(out);
    const { task: one, heard } = task({ folder: out });
    const outcome = await createCompileRunner()(one);
    if (outcome.kind !== "done") throw new Error(JSON.stringify(outcome));
    expect((await readdir(out)).sort()).toEqual(
      [...new Set([...outcome.files, outcome.report].map(({ digest }) => digest))].sort(),
    );
    expect(outcome.variants.map(({ model }) => model)).toContain(outcome.model);
    expect(outcome.spec).toMatchObject({ ...redOrBlueSpec, input: { type: "uint8" } });
    const stages = heard.flatMap((m) => (m.kind === "progress" ? [m.stage] : []));
    expect(new Set(stages)).toContain("reading");
  });

  it("tells what the search tries, and tries nothing of it again", async () => {
    const unkept = { lossPointsMax: -1 }; // no mix keeps this budget, so all are tried
    const { task: one, heard } = task(unkept);
    expect((await createCompileRunner()(one)).kind).toBe("done");
    const trials = heard.flatMap((m) => (m.kind === "trial" ? [m.trial] : []));
    expect(trials[0]).toEqual({ of: "int8 min-max", float: [], lossPoints: 0 });
    expect(trials.map(({ of }) => of)).toContain("int8 min-max bias-correction");

    const { task: again, heard: second } = task({ ...unkept, trials });
    expect((await createCompileRunner()(again)).kind).toBe("done");
    expect(second.filter(({ kind }) => kind === "trial")).toEqual([]);
  });

  it("is less important than the server, and is shown none of its secrets", async () => {
    process.env.FIELDLOOP_ADMIN_TOKEN = "secret";
    const tell = await onRequest(
      `import("node:os").then(({ getPriority }) => process.send({ kind: "failed", error: getPriority() + " " + Object.keys(process.env).join() }));`,
    );
    const outcome = await createCompileRunner(defaultCompileBounds, tell)(task().task);
    delete process.env.FIELDLOOP_ADMIN_TOKEN;
    expect(outcome).toMatchObject({ kind: "failed", error: expect.stringMatching(/^10 .*PATH/) });
    expect(outcome).not.toMatchObject({ error: expect.stringContaining("FIELDLOOP") });
  });

  it.each([
    ["process.kill(process.pid, 'SIGSEGV')", "its process ended with SIGSEGV"],
    ["process.exit(7)", "its process ended with exit code 7"],
    [
      "process.send({ kind: 'done' })",
      /ended with SIGKILL: it said something that cannot be read$/,
    ],
  ])("may be begun again where its process ends by %s", async (text, how) => {
    const outcome = await createCompileRunner(
      defaultCompileBounds,
      await onRequest(text),
    )(task().task);
    expect(outcome).toEqual({
      kind: "broken-off",
      how: typeof how === "string" ? how : expect.stringMatching(how),
    });
  });

  it("may be begun again where its process cannot start", async () => {
    const outcome = await createCompileRunner(defaultCompileBounds, at("missing.mjs"))(task().task);
    expect(outcome).toMatchObject({ kind: "broken-off", how: expect.stringContaining("code 1") });
  });

  it("fails where it takes more memory than it may", async () => {
    const hungry = await onRequest("globalThis.a = []; for (;;) a.push(Buffer.alloc(1e8, 1));");
    const bounds = { ...defaultCompileBounds, memoryBytesMax: 768 * 1024 ** 2 };
    expect(await createCompileRunner(bounds, hungry)(task().task)).toMatchObject({
      kind: "failed",
      error: expect.stringMatching(/^the compilation needed more memory than one may use; /),
    });
  });

  it("fails where it takes longer than it may", async () => {
    const endless = await onRequest("for (;;);");
    const bounds = { ...defaultCompileBounds, compileMsMax: 500 };
    expect(await createCompileRunner(bounds, endless)(task().task)).toMatchObject({
      kind: "failed",
      error: expect.stringMatching(/^the compilation did not finish within 0\.5 s and was stopped/),
    });
  });

  it("is stopped by a signal, before it begins too", async () => {
    const busy = await onRequest(
      `process.send({ kind: "progress", stage: "searching", share: 0 }, () => { for (;;); });`,
    );
    const run = createCompileRunner(defaultCompileBounds, busy);
    const { task: one, abort } = task();
    const outcome = run({ ...one, tell: () => abort.abort() });
    expect(await outcome).toEqual({ kind: "stopped" });
    expect(await run(one)).toEqual({ kind: "stopped" });
  });
});
