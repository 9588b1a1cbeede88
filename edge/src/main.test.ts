import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { main } from "./main.ts";

let folder: string;
let out = "";
let err = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "main-"));
  out = err = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += text;
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const config = (text: string): string => {
  writeFileSync(join(folder, "agent.yaml"), text);
  return join(folder, "agent.yaml");
};

test("says its version and its usage", async () => {
  expect(await main(["--version"])).toBe(0);
  expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(await main(["--help"])).toBe(0);
  expect(out).toContain("FIELDLOOP_CLAIM_TOKEN");
});

test.each([
  [["dance"], 'there is no command "dance"; allowed are run, enrol and infer'],
  [["run", "--speed"], "Unknown option '--speed'"],
  [
    ["run", "--config", "/nowhere/agent.yaml"],
    "the configuration /nowhere/agent.yaml cannot be read",
  ],
])("a wrong call %j ends with 2 and one line", async (argv, line) => {
  expect(await main(argv)).toBe(2);
  expect(err).toContain(`fieldloop-agent: ${line}`);
  expect(err.trim().split("\n")).toHaveLength(1);
});

test("an unknown key stops the start with one line", async () => {
  expect(await main(["run", "--config", config("camera: []")])).toBe(2);
  expect(err).toMatch(
    /^fieldloop-agent: .*agent\.yaml: unknown key "camera"; allowed here: cloud,/,
  );
});

test.each([
  ["device: { profile: toaster }", 'there is no device profile "toaster"; known are'],
  ["device: { role: station }", 'device.role is "station": this agent runs devices of role camera'],
  [
    "cloud: { url: 'http://127.0.0.1:1' }",
    "this device is not enrolled with http://127.0.0.1:1 yet: set FIELDLOOP_CLAIM_TOKEN",
  ],
])("%s ends the agent with 1 and what to do", async (yaml, line) => {
  const file = config(`dataDir: ${folder}/data\nlogLevel: silent\n${yaml}`);
  expect(await main(["run", "--config", file])).toBe(1);
  expect(err).toContain(line);
});

test("a data folder that cannot be made is said", async () => {
  const file = config(`dataDir: ${join(folder, "agent.yaml")}/data\nlogLevel: silent`);
  expect(await main(["run", "--config", file])).toBe(1);
  expect(err).toContain("the data folder");
});
