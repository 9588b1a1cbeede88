import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { processStart, takeLock } from "../scripts/setup-lock.mjs";
import {
  headersPrefix,
  isInstalled,
  lockHolder,
  nodeProblem,
  planSetup,
  toolProblem,
} from "../scripts/setup-plan.mjs";
import { temporaryFolder } from "./support/folder.ts";

describe("prerequisites", () => {
  it("accept Node from 20.19 on and name what is needed below", () => {
    expect(["v20.19.0", "v20.20.2", "v22.0.0"].map((v) => nodeProblem(v))).toEqual(
      Array(3).fill(undefined),
    );
    expect(nodeProblem("v20.18.1")).toMatch(
      /^Node 20\.19\.0 or newer is needed, this is v20\.18\.1/,
    );
    expect(nodeProblem("v18.20.0")).toBeDefined();
  });

  it("name the compile tools that are missing and how to install them", () => {
    expect(toolProblem(() => true)).toBeUndefined();
    expect(toolProblem((program) => program === "clang++" || program === "make")).toBe(
      "Python 3 is missing and better-sqlite3 may have to be compiled: install python3 (Debian: apt-get install python3)",
    );
    expect(toolProblem(() => false)).toContain("apt-get install g++ make python3");
  });
});

describe("what is installed", () => {
  const lock = {
    packages: {
      "": { version: "1.0.0" },
      edge: { version: "1.0.0" },
      "node_modules/a": { version: "1.2.3", integrity: "sha512-a" },
      "node_modules/mac-only": { version: "1.0.0", optional: true },
    },
  };
  const hidden = {
    packages: { edge: { version: "1.0.0" }, "node_modules/a": lock.packages["node_modules/a"] },
  };

  it("suffices when every required package is there as locked", () =>
    expect(isInstalled(lock, hidden)).toBe(true));

  it("does not when one is missing or another version", () => {
    expect(isInstalled(lock, { packages: { edge: { version: "1.0.0" } } })).toBe(false);
    const old = { "node_modules/a": { version: "1.2.2", integrity: "sha512-b" } };
    expect(isInstalled(lock, { packages: { ...hidden.packages, ...old } })).toBe(false);
    expect(isInstalled(lock, undefined)).toBe(false);
  });
});

describe("plan", () => {
  const stamps = { abi: "115", code: "c1", console: "w1" };
  const done = { installed: true, stamps, wanted: stamps, outputs: { code: true, console: true } };

  it("is empty when everything is as it should be", () => {
    expect(planSetup("start", done)).toEqual([]);
    expect(planSetup("test", done)).toEqual([]);
  });

  it("does everything on a fresh clone, and no console for tests", () => {
    const fresh = {
      ...done,
      installed: false,
      stamps: {},
      outputs: { code: false, console: false },
    };
    expect(planSetup("start", fresh)).toEqual(["install", "code", "console"]);
    expect(planSetup("test", fresh)).toEqual(["install", "code"]);
  });

  it("trusts packages somebody installed by hand", () =>
    expect(planSetup("test", { ...done, stamps: {} })).toEqual(["code"]));

  it("installs again for a Node with another binary interface", () =>
    expect(planSetup("test", { ...done, wanted: { ...stamps, abi: "127" } })).toEqual([
      "install",
      "code",
    ]));

  it("builds what changed and what was deleted", () => {
    expect(planSetup("start", { ...done, wanted: { ...stamps, console: "w2" } })).toEqual([
      "console",
    ]);
    expect(planSetup("start", { ...done, outputs: { code: false, console: true } })).toEqual([
      "code",
    ]);
  });
});

describe("lock", () => {
  it("is held by a process that runs and was the one to write it", () => {
    const text = JSON.stringify({ pid: 7, start: "100" });
    expect(lockHolder(text, () => "100")).toBe(7);
    expect(lockHolder(text, () => "")).toBe(7);
    expect(lockHolder(text, () => "200")).toBeUndefined();
    expect(lockHolder(text, () => undefined)).toBeUndefined();
    expect(lockHolder("{", () => "100")).toBeUndefined();
    expect(lockHolder('{"pid":-1}', () => "100")).toBeUndefined();
  });

  it("lets one in at a time", async () => {
    const path = lockFile();
    const release = await takeLock(path);
    let waited = 0;
    const second = takeLock(
      path,
      (holder) => {
        waited = holder;
        release();
      },
      1,
    );
    (await second)();
    expect(waited).toBe(process.pid);
    expect(existsSync(path)).toBe(false);
  });

  it("is taken over from a process that was killed", async () => {
    const path = lockFile();
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    mkdirSync(dirname(path), { recursive: true });
    const start = processStart(child.pid ?? 0);
    writeFileSync(path, JSON.stringify({ pid: child.pid, start }));
    child.kill("SIGKILL");
    await once(child, "exit");
    const release = await takeLock(path);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid });
    release();
  });
});

describe("headers", () => {
  const files: Record<string, string> = {
    "/opt/node/include/node/node.h": "",
    "/opt/node/include/node/node_version.h": "#define NODE_MAJOR_VERSION 20\n",
  };
  const read = (path: string) => files[path];

  it("are used where they lie beside the binary and fit it", () =>
    expect(headersPrefix("/opt/node/bin/node", "v20.20.2", read)).toBe("/opt/node"));

  it("are left alone elsewhere", () => {
    expect(headersPrefix("/opt/node/bin/node", "v22.1.0", read)).toBeUndefined();
    expect(headersPrefix("/usr/bin/node", "v20.20.2", read)).toBeUndefined();
  });
});

function lockFile(): string {
  return join(temporaryFolder(), ".setup", "lock");
}
