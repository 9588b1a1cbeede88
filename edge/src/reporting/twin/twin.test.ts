import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DesiredDocument, defaultSettings } from "@fieldloop/shared/messages/twin";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { realFiles } from "../../platform/files.ts";
import { silentLog } from "../../platform/log.ts";
import { openCommands } from "../link/commands.ts";
import { Desired } from "./desired.ts";

let folder: string;
const open: Desired[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "twin-"));
});
afterEach(async () => {
  for (const desired of open.splice(0)) await desired.stop();
  rmSync(folder, { recursive: true, force: true });
});

const document = (version: number): DesiredDocument => ({
  v: 1,
  version,
  model: null,
  settings: defaultSettings,
  scene: {},
  preview: null,
  commissions: {},
});

function desired(fetch: () => Promise<unknown>, retryMs = 5) {
  const applied: number[] = [];
  const made = new Desired({
    files: realFiles,
    path: join(folder, "desired.json"),
    fetch,
    apply: async ({ version }) => void applied.push(version),
    log: silentLog,
    random: () => 0.5,
    pollMs: 60_000,
    retryMs,
  });
  open.push(made);
  return { made, applied };
}

test("a document is fetched and applied when its version differs, and only then", async () => {
  let version = 1;
  const fetch = vi.fn(async () => document(version));
  const { made, applied } = desired(fetch);
  made.noticed(0);
  made.noticed(1);
  await vi.waitFor(() => expect(made.version).toBe(1));
  made.noticed(1);
  version = 2;
  made.noticed(2);
  await vi.waitFor(() => expect(made.version).toBe(2));
  expect(applied).toEqual([1, 2]);
  expect(fetch).toHaveBeenCalledTimes(2);
});

test("a notice that comes while fetching is not lost", async () => {
  let release = (): void => {};
  const answers = [
    new Promise<unknown>((resolve) => {
      release = () => resolve(document(1));
    }),
    Promise.resolve(document(2)),
  ];
  const { made, applied } = desired(async () => answers.shift());
  made.noticed(1);
  made.noticed(2);
  release();
  await vi.waitFor(() => expect(applied).toEqual([1, 2]));
});

test("a failure is tried again, and a malformed document is not applied", async () => {
  const answers: (() => unknown)[] = [
    () => {
      throw new Error("no network");
    },
    () => ({ ...document(1), surprise: true }),
    () => document(1),
  ];
  const { made, applied } = desired(async () => answers.shift()?.());
  made.noticed(1);
  await vi.waitFor(() => expect(applied).toEqual([1]));
});

test("the last document holds after a restart without a network", async () => {
  const first = desired(async () => document(7));
  await first.made.fetch();
  const second = desired(() => Promise.reject(new Error("no network")));
  await second.made.restore();
  expect(second.applied).toEqual([7]);
  expect(second.made.version).toBe(7);
});

test("a damaged kept document is left aside", async () => {
  writeFileSync(join(folder, "desired.json"), '{"v":1,');
  const { made, applied } = desired(async () => document(3));
  await made.restore();
  expect(applied).toEqual([]);
  expect(made.version).toBe(0);
});

test("a command is done once however often it arrives, and answered", async () => {
  const answers: string[] = [];
  const flush = vi.fn();
  const commands = openCommands({
    now: () => 5,
    actions: {
      flush,
      benchmark: () => undefined,
      "report-state": () => Promise.reject(new Error("no link")),
    },
    onAnswer: ({ kind, message, detail }) => answers.push(`${kind}: ${message} ${detail.id}`),
  });
  await commands({ v: 1, id: "a", command: "flush" });
  await commands({ v: 1, id: "a", command: "flush" });
  await commands({ v: 1, id: "b", command: "report-state" });
  expect(flush).toHaveBeenCalledTimes(1);
  expect(answers).toEqual(["command-done: flush is done a", "command-failed: no link b"]);
});
