import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";
import type { OtaMessage } from "@fieldloop/shared/messages/control";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { TestCloud } from "../../../test/cloud.ts";
import { type PublishedModel, publishModel } from "../../../test/models.ts";
import { systemClock } from "../../platform/clock.ts";
import { type FileSink, type Files, realFiles } from "../../platform/files.ts";
import { silentLog } from "../../platform/log.ts";
import type { ModelRuntime, Outcome, SelfTest } from "./ports.ts";
import type { Slot } from "./slots.ts";
import { Updater } from "./updater.ts";

const profile: DeviceProfile = {
  schema: "fieldloop.profile/1",
  id: "linux-x64",
  title: "test",
  architectures: ["x64"],
  deviceTreeModels: [],
  providers: ["cpu"],
  intraOpThreads: 1,
  arena: true,
  memoryBytesMax: 1e9,
  reasons: { intraOpThreads: "one", arena: "steady", memoryBytesMax: "enough" },
  features: [],
  thermalFiles: [],
  notes: "",
};

/** An engine that remembers what it runs; survives the agent's restarts only as a record. */
class FakeRuntime implements ModelRuntime {
  running: string | null = null;
  readonly loads: string[] = [];
  verdict: (slot: Slot) => SelfTest | Promise<SelfTest> = () => ({ kind: "pass" });
  async load(slot: Slot, accept: (selfTest: () => Promise<SelfTest>) => Promise<void>) {
    this.loads.push(slot.manifest.version);
    await accept(async () => {
      for (const golden of slot.variant.goldens) await slot.readGolden(golden.image);
      return this.verdict(slot);
    });
    this.running = slot.manifest.version;
  }
}

let cloud: TestCloud;
let folder: string;
let updater: Updater;
const ota: OtaMessage[] = [];
const outcomes: Outcome[] = [];

beforeEach(async () => {
  cloud = await new TestCloud().start();
  folder = mkdtempSync(join(tmpdir(), "models-"));
  ota.length = 0;
  outcomes.length = 0;
});
afterEach(async () => {
  await updater.stop();
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(runtime: FakeRuntime, files: Files = realFiles): Promise<Updater> {
  updater = new Updater({
    files,
    folder,
    profile,
    runtime,
    source: {
      urlOf: (digest) => `${cloud.url}/api/v1/device/blobs/${digest}`,
      credential: cloud.credential,
    },
    clock: systemClock,
    random: () => 0,
    log: silentLog,
    onProgress: (message) => ota.push(message),
    onOutcome: (outcome) => outcomes.push(outcome),
    limits: {
      delayMsMin: 1,
      delayMsMax: 5,
      downloadTimeoutMs: 2000,
      progressMsMin: 0,
      probationResults: 3,
      probationFailuresMax: 1,
    },
  });
  await updater.start();
  return updater;
}

const runs = (runtime: FakeRuntime, version: string | null) =>
  vi.waitFor(() => expect(runtime.running).toBe(version));
const phase = (wanted: string) =>
  vi.waitFor(() => expect(updater.update?.phase).toBe(wanted), { timeout: 5000 });
const slots = () => readdirSync(folder).filter((name) => name.length === 64);
const prove = () =>
  vi.waitFor(() => {
    updater.live(true);
    expect(updater.update?.progress.probation).toBe("none");
  });

async function running(runtime: FakeRuntime, version = "1.0.0"): Promise<PublishedModel> {
  const model = publishModel(cloud, version);
  await start(runtime);
  updater.setTarget(model.target);
  await runs(runtime, version);
  await prove();
  return model;
}

test("fetches, checks, tests and switches, and says so on the way", async () => {
  const runtime = new FakeRuntime();
  await running(runtime);
  expect([...new Set(ota.map((message) => message.phase))]).toEqual([
    "downloading",
    "verifying",
    "testing",
    "switching",
    "active",
  ]);
  const last = ota.filter((message) => message.phase === "downloading").at(-1);
  expect(last?.bytesDone).toBe(last?.bytesTotal);
  expect(outcomes).toEqual([
    { kind: "model-active", message: "eggs 1.0.0 is active", model: "eggs@1.0.0" },
  ]);
});

test("after a restart the model runs again without a cloud", async () => {
  const runtime = new FakeRuntime();
  const model = await running(runtime);
  await updater.stop();
  await cloud.killBroker();
  cloud.blobs.clear();
  const again = new FakeRuntime();
  await start(again);
  updater.setTarget(model.target);
  await runs(again, "1.0.0");
});

test("keeps the current and the previous slot, and no others", async () => {
  const runtime = new FakeRuntime();
  const models = [await running(runtime)];
  for (const version of ["1.0.1", "1.0.2"]) {
    const model = publishModel(cloud, version);
    updater.setTarget(model.target);
    await runs(runtime, version);
    await prove();
    models.push(model);
  }
  await vi.waitFor(() =>
    expect(slots()).toEqual(
      models
        .slice(1)
        .map(({ target }) => target.manifest)
        .toSorted(),
    ),
  );
});

test("a model that fails its self-test is given up, and the old one never stopped", async () => {
  const runtime = new FakeRuntime();
  await running(runtime);
  runtime.verdict = () => ({ kind: "fail", reason: "golden image 0123 gives cracked" });
  const bad = publishModel(cloud, "1.0.1");
  updater.setTarget(bad.target);
  await phase("failed");
  expect(runtime.running).toBe("1.0.0");
  expect(updater.update?.reason).toBe(
    "eggs 1.0.1 failed its self-test: golden image 0123 gives cracked",
  );
  await vi.waitFor(() => expect(slots()).not.toContain(bad.target.manifest));
  expect(outcomes.at(-1)?.kind).toBe("model-failed");

  // It is not tried again, not even after a restart, until something else is wanted.
  await updater.stop();
  const again = new FakeRuntime();
  await start(again);
  updater.setTarget(bad.target);
  await runs(again, "1.0.0");
  expect(again.loads).toEqual(["1.0.0"]);
  updater.setTarget(publishModel(cloud, "1.0.2").target);
  await runs(again, "1.0.2");
});

test("a damaged download is tried again within bounds and never switched to", async () => {
  const runtime = new FakeRuntime();
  await running(runtime);
  const model = publishModel(cloud, "1.0.1");
  cloud.faults.corruptBlob = (digest, bytes) => {
    if (digest === model.modelDigest) bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    return bytes;
  };
  updater.setTarget(model.target);
  await phase("failed");
  expect(updater.update?.reason).toBe("a download arrived damaged 3 times");
  expect(cloud.requests.filter((line) => line.includes(model.modelDigest))).toHaveLength(3);
  expect(runtime.loads).toEqual(["1.0.0"]);
});

test("an interrupted download goes on where it stopped", async () => {
  const runtime = new FakeRuntime();
  const model = publishModel(cloud, "1.0.0", { modelBytes: 300_000 });
  cloud.faults.cutBlobAfterBytes = 100_000;
  await start(runtime);
  updater.setTarget(model.target);
  await runs(runtime, "1.0.0");
  const requests = cloud.requests.filter((line) => line.includes(model.modelDigest));
  expect(requests.length).toBeGreaterThanOrEqual(3);
  expect(requests.length).toBeLessThan(12);
});

test("a model that fails on live frames is rolled back to the one before", async () => {
  const runtime = new FakeRuntime();
  await running(runtime);
  const bad = publishModel(cloud, "1.0.1");
  updater.setTarget(bad.target);
  await runs(runtime, "1.0.1");
  await vi.waitFor(() => expect(updater.active?.manifest.version).toBe("1.0.1"));
  updater.live(false);
  updater.live(false);
  await phase("rolled-back");
  await runs(runtime, "1.0.0");
  const rolledBack = { kind: "model-rolled-back", model: "eggs@1.0.1" };
  await vi.waitFor(() => expect(outcomes.at(-1)).toMatchObject(rolledBack));
  expect(updater.update?.reason).toContain("eggs 1.0.0 runs again");
  expect(runtime.loads).toEqual(["1.0.0", "1.0.1", "1.0.0"]);
});

test("a variant that the board cannot run is passed over, and the news says so", async () => {
  const runtime = new FakeRuntime();
  await start(runtime);
  const model = publishModel(cloud, "1.0.0", { int8Requires: ["vnni"] });
  updater.setTarget(model.target);
  await runs(runtime, "1.0.0");
  await phase("active");
  expect(updater.active).toMatchObject({
    variant: { kind: "float32", digest: model.modelDigest },
    passedOver: [{ kind: "int8", lacks: ["vnni"] }],
  });
  expect(outcomes.map(({ message }) => message)).toEqual([
    "eggs 1.0.0 is active as float32: int8 was passed over, since this board lacks vnni",
  ]);
});

test("a model that does not suit the board is refused with what it needs", async () => {
  const runtime = new FakeRuntime();
  await start(runtime);
  updater.setTarget(publishModel(cloud, "1.0.0", { requires: ["vnni"] }).target);
  await phase("failed");
  expect(updater.update?.reason).toBe(
    "eggs 1.0.0 has no variant for the profile linux-x64 (float32: vnni)",
  );
});

test("a slot that rots is fetched again", async () => {
  const runtime = new FakeRuntime();
  const model = await running(runtime);
  await updater.stop();
  writeFileSync(join(folder, model.target.manifest, model.modelDigest), Buffer.alloc(50_000));
  const again = new FakeRuntime();
  await start(again);
  updater.setTarget(model.target);
  await runs(again, "1.0.0");
  expect(outcomes.map(({ kind }) => kind)).toContain("model-damaged");
});

test("a model that ends the agent while being tested is given up after two tries", async () => {
  const model = publishModel(cloud, "1.0.0");
  for (let attempt = 0; attempt < 2; attempt++) {
    const dying = new FakeRuntime();
    // A process that dies says nothing: the test never settles, and nothing is written after it.
    let cut = false;
    const files: Files = {
      ...realFiles,
      writeAtomic: (...args) => (cut ? new Promise(() => {}) : realFiles.writeAtomic(...args)),
    };
    const reached = new Promise<void>((resolve) => {
      dying.verdict = () => {
        cut = true;
        resolve();
        return new Promise<SelfTest>(() => {});
      };
    });
    const dead = await start(dying, files);
    dead.setTarget(model.target);
    await reached;
  }
  const runtime = new FakeRuntime();
  await start(runtime);
  updater.setTarget(model.target);
  await phase("failed");
  expect(updater.update?.reason).toBe("the agent ended 2 times while testing it");
  expect(runtime.loads).toEqual([]);
});

test("the power may be cut before any file-system call: the update still completes", async () => {
  const first = await running(new FakeRuntime());
  const second = publishModel(cloud, "1.0.1", { modelBytes: 1000 });
  await updater.stop();
  const prepared = `${folder}.prepared`;
  cpSync(folder, prepared, { recursive: true });
  onTestFinished(() => rmSync(prepared, { recursive: true, force: true }));
  // Every third call; FIELDLOOP_TEST_FULL=1 cuts before each one.
  const stride = process.env.FIELDLOOP_TEST_FULL === "1" ? 1 : 3;
  let cuts = 0;
  for (let cutAt = 1; ; cutAt += stride) {
    rmSync(folder, { recursive: true, force: true });
    cpSync(prepared, folder, { recursive: true });
    const power = powerCut(cutAt);
    await Promise.race([power.gone, complete(new FakeRuntime(), second, power)]);
    if (!power.isGone()) break; // every call of the whole update has had its turn
    cuts++;
    const after = new FakeRuntime();
    await complete(after, second);
    expect(after.running).toBe("1.0.1");
    expect(existsSync(join(folder, first.target.manifest))).toBe(true);
    await updater.stop();
    await power.tidy();
  }
  expect(cuts * stride).toBeGreaterThan(60);
}, 120_000);

/** Brings the device to a model and through its probation, or waits until the power is gone. */
async function complete(
  runtime: FakeRuntime,
  { target }: PublishedModel,
  power?: ReturnType<typeof powerCut>,
): Promise<void> {
  const mine = await start(runtime, power?.files);
  mine.setTarget(target);
  for (;;) {
    mine.live(true);
    const { phase: at, progress } = mine.update ?? {};
    const switched = runtime.running === target.version && at === "active";
    if (power?.isGone() || (switched && progress?.probation === "none")) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Files of a computer whose power goes before the n-th call: it and all later ones never return. */
function powerCut(callsMax: number) {
  let calls = 0;
  const opened: FileSink[] = [];
  let cut = (): void => {};
  const gone = new Promise<void>((resolve) => {
    cut = resolve;
  });
  const counted =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> => {
      if (++calls < callsMax) return call(...args);
      cut();
      return new Promise<R>(() => {});
    };
  const files: Files = {
    read: counted(realFiles.read),
    writeAtomic: counted(realFiles.writeAtomic),
    append: counted(async (path, truncate) => {
      const sink = await realFiles.append(path, truncate);
      opened.push(sink);
      return { write: counted(sink.write), close: counted(sink.close) };
    }),
    size: counted(realFiles.size),
    sha256: counted(realFiles.sha256),
    rename: counted(realFiles.rename),
    remove: counted(realFiles.remove),
    list: counted(realFiles.list),
  };
  /** Closes what the cut left open, as the end of a process would. */
  const tidy = async (): Promise<void> => {
    await Promise.all(opened.map((sink) => sink.close().catch(() => {})));
  };
  return { files, gone, tidy, isGone: () => calls >= callsMax };
}
