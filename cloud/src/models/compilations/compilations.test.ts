/** The queue: what becomes of compilations when processes and servers end. The database is real. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Compilation } from "@fieldloop/shared/contract/compilations";
import { AppError } from "@fieldloop/shared/errors";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { testPlatform } from "@fieldloop/test/support/platform";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  redOrBlue,
  redOrBluePicture,
  redOrBlueSpec,
} from "../../../../test/support/red-or-blue.ts";
import { listAudit } from "../../platform/ledger/store.ts";
import { findVersion } from "../registry/reads.ts";
import { registerVersion } from "../registry/register.ts";
import { createTrialRunner } from "../registry/run-trial.ts";
import { tryModel } from "../registry/trial.ts";
import type { Trial } from "../registry/trial-messages.ts";
import { attemptsMax, keptDays, type Wish, waitingMax } from "./compilation.ts";
import { Compilations } from "./compilations.ts";
import {
  type CompileRunner,
  type CompileTask,
  createCompileRunner,
  defaultCompileBounds,
} from "./run-compile.ts";
import { startCompilation } from "./start.ts";
import { expireCompilations, findCompilation, listCompilations } from "./store.ts";

const { platform, db, folder, clock } = await testPlatform();
const trial: Trial = tryModel;
const compiling = join(folder, "compiling");
let wish: Wish;
beforeAll(async () => {
  const put = async (bytes: Uint8Array) => (await platform.blobs.putBytes(bytes)).digest;
  const samples = [];
  for (let i = 0; i < 8; i++) {
    const { name, label, jpeg } = await redOrBluePicture(i);
    samples.push({ name, label, image: await put(jpeg) });
  }
  const goldens = samples.slice(0, 1).map(({ image }) => image);
  const model = await put(redOrBlue());
  wish = { spec: redOrBlueSpec, model, samples, goldens, lossPointsMax: 0.5, kinds: ["int8"] };
});

let patch = 0;
/** Asks for one more version; a second later, so that the order is plain. */
async function ask(): Promise<Compilation> {
  clock.now += 1000;
  const spec = { ...redOrBlueSpec, version: `2.0.${patch++}` };
  return await startCompilation(platform, trial, { ...wish, spec }, "Ada");
}

const servers: Compilations[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});
async function serve(run?: CompileRunner, how = trial): Promise<Compilations> {
  const server = new Compilations({
    ...{ platform, trial: how, folder: compiling },
    ...(run === undefined ? {} : { run }),
  });
  servers.push(server);
  await server.start();
  return server;
}

const look = async ({ id }: Compilation) => await findCompilation(db, id);

/** A runner that tells when it is asked and answers when the test says so. */
function held() {
  const asked: CompileTask[] = [];
  let wake = () => {};
  const run: CompileRunner = async (task) => {
    asked.push(task);
    wake();
    await once(task.signal, "abort");
    return { kind: "stopped" };
  };
  const begun = async (count: number) => {
    while (asked.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { run, asked, begun };
}

describe("the queue", () => {
  it("works off one at a time, the oldest first", async () => {
    const asked = [await ask(), await ask()];
    const order: string[] = [];
    let running = 0;
    const server = await serve(async ({ request }) => {
      order.push(request.spec.version);
      expect(++running).toBe(1);
      await new Promise(setImmediate);
      running--;
      return { kind: "failed", error: "no luck" };
    });
    await server.idle();
    expect(order).toEqual(asked.map(({ version }) => version));
    expect(await Promise.all(asked.map(look))).toMatchObject([
      { state: "failed", error: "no luck", finishedAt: clock.now },
      { state: "failed", error: "no luck" },
    ]);
  });

  it("refuses more than may wait, with a sentence", async () => {
    const waiting: Compilation[] = [];
    for (let i = 0; i < waitingMax; i++) waiting.push(await ask());
    await expect(ask()).rejects.toMatchObject({
      code: "compilations-busy",
      status: 429,
      retryable: true,
      message: expect.stringMatching(/^20 compilations wait already, as many as may; try again/),
    });
    const server = await serve(async () => ({ kind: "failed", error: "no luck" }));
    await server.idle();
    expect(await look(waiting.at(-1)!)).toMatchObject({ state: "failed" });
  });

  it("cancels what waits and what runs, writes who did, and goes on with the next", async () => {
    const { run, asked, begun } = held();
    const [runs, waits, last] = [await ask(), await ask(), await ask()];
    const server = await serve(run);
    await begun(1);
    await server.cancel(waits.id, "Grace");
    await server.cancel(runs.id, "Grace");
    await begun(2);
    expect(asked.map(({ request }) => request.spec.version)).toEqual([runs.version, last.version]);
    const finished = { state: "cancelled", error: null, finishedAt: clock.now };
    expect(await Promise.all([runs, waits].map(look))).toMatchObject([finished, finished]);
    const [audit] = await listAudit(db, 1, undefined);
    expect(audit).toMatchObject({
      ...{ actor: "Grace", act: "compilations:cancel" },
      detail: { compilation: runs.id },
    });
    await server.cancel(last.id, "Grace");
    await server.idle();
    await server.cancel(runs.id, "Grace"); // a second time changes nothing
    expect((await listAudit(db, 1, undefined))[0]?.detail).toEqual({ compilation: last.id });
  });

  it("forgets what ended three months ago, and only that", async () => {
    const old = await ask();
    await (await serve(async () => ({ kind: "failed", error: "no luck" }))).idle();
    const waits = await ask();
    clock.now += keptDays * 86_400_000 + 1;
    await expireCompilations(db, new Date(clock.now - keptDays * 86_400_000));
    expect(await look(old)).toBeUndefined();
    expect(await look(waits)).toMatchObject({ state: "queued" });
    const server = await serve(async () => ({ kind: "failed", error: "no luck" }));
    await server.idle();
    expect((await listCompilations(db, 1)).map(({ id }) => id)).toEqual([waits.id]);
  });
});

describe("a server that stops", () => {
  it("puts back what runs, and the attempt does not count", async () => {
    const one = await ask();
    for (let i = 0; i <= attemptsMax; i++) {
      const { run, begun } = held();
      const server = await serve(run);
      await begun(1);
      await server.stop();
      expect(await look(one)).toMatchObject({ state: "queued", stage: null });
    }
    await (await serve()).idle();
    expect(await look(one)).toMatchObject({ state: "succeeded" });
  });

  it("is followed by one that goes on with what was tried, and removes what lay about", async () => {
    const one = await ask();
    const trials = [{ of: "int8 min-max", float: ["a"], lossPoints: 12 }];
    const lost = await serve(async ({ tell }) => {
      tell({ kind: "trial", trial: trials[0]! });
      tell({ kind: "progress", stage: "searching", share: 0.5 });
      return { kind: "broken-off", how: "unknown" };
    });
    await lost.idle(); // three attempts, all broken off
    expect(await look(one)).toMatchObject({
      state: "failed",
      error: expect.stringMatching(
        /^the compilation was begun 3 times and never came to its end \(the last time unknown\)/,
      ),
    });

    const two = await ask();
    const seen: unknown[] = [];
    const second = await serve(async ({ tell, request }) => {
      seen.push(request.trials);
      tell({
        kind: "trial",
        trial: { of: "int8 min-max", float: [String(seen.length)], lossPoints: 1 },
      });
      return seen.length < 3
        ? { kind: "broken-off", how: "unknown" }
        : { kind: "failed", error: "no luck" };
    });
    await second.idle();
    expect(seen).toEqual([
      [],
      [{ of: "int8 min-max", float: ["1"], lossPoints: 1 }],
      [
        { of: "int8 min-max", float: ["1"], lossPoints: 1 },
        { of: "int8 min-max", float: ["2"], lossPoints: 1 },
      ],
    ]);
    expect(await look(two)).toMatchObject({ state: "failed", error: "no luck" });
    await writeFile(join(compiling, "left"), "behind");
    await serve();
    expect(await readdir(compiling)).toEqual([]);
  });

  it("may have been killed: a row that is said to run is begun again", async () => {
    const one = await ask();
    await db
      .updateTable("compilations")
      .set({ state: "running", attempts: 1, stage: "searching", share: 0.3 })
      .where("id", "=", one.id)
      .execute();
    await (await serve()).idle();
    expect(await look(one)).toMatchObject({ state: "succeeded" });
  });
});

describe("a process that is killed", () => {
  it("is followed by another one, with the trials made so far", async () => {
    const one = await ask();
    const runReal = createCompileRunner();
    // Makes a trial, and is then ended as the system ends a process that takes too much memory.
    const program = join(folder, "killed.mjs");
    await writeFile(
      program,
      `process.on("message", () => {
        process.send({ kind: "trial", trial: { of: "int8 min-max", float: [], lossPoints: 0 } });
        process.send({ kind: "progress", stage: "searching", share: 0 }, () => process.kill(process.pid, "SIGKILL"));
      });
      process.send("ready");`,
    );
    const runKilled = createCompileRunner(defaultCompileBounds, program);
    const trials: unknown[] = [];
    const server = await serve(async (task) => {
      trials.push(task.request.trials);
      return await (trials.length === 1 ? runKilled : runReal)(task);
    });
    await server.idle();
    expect(trials).toEqual([[], [{ of: "int8 min-max", float: [], lossPoints: 0 }]]);
    expect(await look(one)).toMatchObject({ state: "succeeded" });
  });

  it("does not outlive its server", async () => {
    const program = join(folder, "server.mjs");
    await writeFile(
      program,
      `import { spawn } from "node:child_process";
      const child = spawn(process.execPath, [${JSON.stringify(builtChild())}], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
      child.on("message", () => process.send(child.pid));`,
    );
    const server = spawn(process.execPath, [program], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const [pid] = (await once(server, "message")) as [number];
    server.kill("SIGKILL");
    await once(server, "exit");
    await expect.poll(() => lives(pid), { timeout: 10_000 }).toBe(false);
  });
});

function builtChild(): string {
  return new URL("../../../dist/models/compilations/compile-run.js", import.meta.url).pathname;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("the registration", () => {
  it("is done once, where the server ended between it and its row", async () => {
    const one = await ask();
    await (await serve()).idle();
    const registered = await findVersion(db, one.name, one.version);
    await db
      .updateTable("compilations")
      .set({ state: "running", finished_at: null })
      .where("id", "=", one.id)
      .execute();
    const server = await serve(() => Promise.reject(new Error("nothing is compiled again")));
    await server.idle();
    expect(await look(one)).toMatchObject({ state: "succeeded", error: null });
    expect(await findVersion(db, one.name, one.version)).toEqual(registered);
  });

  it("fails before anything is compiled where somebody pushed the version meanwhile", async () => {
    const one = await ask();
    const spec = { ...redOrBlueSpec, version: one.version };
    const push = { spec, model: wish.model, variants: [], goldens: [] };
    await registerVersion(platform, trial, push, "Grace");
    await (await serve(() => Promise.reject(new Error("nothing is compiled")))).idle();
    expect(await look(one)).toMatchObject({
      state: "failed",
      error: `red-or-blue version ${one.version} exists; raise the version`,
    });
  });

  it("is what the push of a person would be: what it refuses fails the compilation", async () => {
    const one = await ask();
    const refusing: Trial = async () => ({
      kind: "problems",
      problems: [{ path: "model", message: "it is no good" }],
    });
    await (await serve(undefined, refusing)).idle();
    expect(await look(one)).toMatchObject({
      state: "failed",
      error: `what was compiled cannot be registered: red-or-blue ${one.version} cannot be registered: float32: it is no good`,
    });
  });

  it("waits where the server is busy trying other models out", async () => {
    const one = await ask();
    const busy: Trial = () =>
      Promise.reject(
        new AppError({ code: "trials-busy", message: "busy", status: 503, retryable: true }),
      );
    const server = await serve(undefined, busy);
    await server.idle();
    expect(await look(one)).toMatchObject({ state: "queued", error: null });
    await server.stop();
    const quiet = await serve(
      () => Promise.reject(new Error("nothing is compiled again")),
      createTrialRunner(),
    );
    await quiet.idle();
    expect(await look(one)).toMatchObject({ state: "succeeded" });
    expect(sha256Of(redOrBlue())).toBe(wish.model);
  });

  it("cannot be cancelled any more: whoever asks hears when it is done", async () => {
    const one = await ask();
    let server: Compilations | undefined;
    let cancelled: Promise<void> | undefined;
    const slow: Trial = async (request) => {
      cancelled ??= server?.cancel(one.id, "Grace");
      return await tryModel(request);
    };
    server = await serve(undefined, slow);
    await server.idle();
    await cancelled;
    expect(await look(one)).toMatchObject({ state: "succeeded" });
  });
});
