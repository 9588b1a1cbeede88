import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exceptions } from "./architecture/exceptions.ts";
import { documentLinesMax, type Violation, violationsOf } from "./architecture/rules.ts";
import { parseSource } from "./architecture/source.ts";

const root = join(import.meta.dirname, "..");
const skipped = new Set(["node_modules", "dist", "results", "training-data"]);

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [path];
    return skipped.has(entry.name) || entry.name.startsWith(".") ? [] : filesUnder(path);
  });
}

const all = filesUnder("");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const sources = all
  .filter((path) => /\.(tsx?|mjs)$/.test(path) && !path.endsWith(".d.ts"))
  .map((path) => parseSource(path, read(path)));
const violations = sources.flatMap(violationsOf);
const text = ({ path, line, rule, message }: Violation) => `${path}:${line} [${rule}] ${message}`;
const isExcepted = ({ rule, path }: Violation) =>
  exceptions.some((exception) => exception.rule === rule && exception.path === path);

describe("the house", () => {
  it("keeps its rules", () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(violations.filter((found) => !isExcepted(found)).map(text)).toEqual([]);
  });

  it("has no exception without a need", () => {
    const idle = exceptions.filter(
      ({ rule, path }) => !violations.some((found) => found.rule === rule && found.path === path),
    );
    expect(idle).toEqual([]);
  });

  it("gives a reason for every exception", () => {
    for (const { reason } of exceptions) expect(reason.length).toBeGreaterThan(20);
  });

  it("imports only files that exist", () => {
    const missing = sources.flatMap(({ path, imports }) =>
      imports
        .map(({ target }) => target)
        .filter((target): target is string => target !== undefined && /\.tsx?$/.test(target))
        .filter((target) => !existsSync(join(root, target)))
        .map((target) => `${path} imports ${target}`),
    );
    expect(missing).toEqual([]);
  });

  it("has documents that are short enough to be read", () => {
    const long = all.flatMap((path) => {
      const most = documentLinesMax(path);
      const lines = most === undefined ? 0 : read(path).trimEnd().split("\n").length;
      return most !== undefined && lines > most ? [`${path}: ${lines} lines, at most ${most}`] : [];
    });
    expect(long).toEqual([]);
  });
});

/** Rules that a file at `path` with this text breaks. */
const broken = (path: string, source: string) =>
  violationsOf(parseSource(path, source)).map(({ rule }) => rule);
const lines = (n: number) => "// line\n".repeat(n);

describe("a planted violation is found", () => {
  it.each([
    ["shared imports Node", "shared/src/a.ts", 'import "node:fs";', "natives"],
    ["shared imports all of zod", "shared/src/a.ts", 'import * as z from "zod";', "natives"],
    [
      "shared imports its Node half",
      "shared/src/a.ts",
      'import "@fieldloop/shared-node/image";',
      "packages",
    ],
    ["edge imports cloud", "edge/src/main.ts", 'import "@fieldloop/cloud/app";', "packages"],
    [
      "edge imports the demo",
      "edge/src/main.ts",
      'await import("@fieldloop/demo/scene");',
      "packages",
    ],
    [
      "cloud imports edge by path",
      "cloud/src/app.ts",
      'import "../../edge/src/agent.ts";',
      "packages",
    ],
    [
      "the console imports the server",
      "cloud/console/src/a.ts",
      'import "@fieldloop/cloud/app";',
      "packages",
    ],
    [
      "the console imports what needs Node",
      "cloud/console/src/a.ts",
      'import "@fieldloop/shared-node/image";',
      "packages",
    ],
    ["the console uses Node", "cloud/console/src/a.tsx", 'import "node:path";', "natives"],
    [
      "the command line imports the server",
      "cloud/cli/src/a.ts",
      'import "@fieldloop/cloud/app";',
      "packages",
    ],
    [
      "offline work of the command line needs the server",
      "cloud/cli/src/offline/a.ts",
      'import "@fieldloop/cloud/app";',
      "packages",
    ],
    [
      "the compiler knows the database",
      "cloud/src/models/compiler/a.ts",
      'import "../../platform/db.ts";',
      "offline-core",
    ],
    ["code imports a test", "edge/src/upkeep/a.ts", 'import "./b.test.ts";', "packages"],
    [
      "code imports test support",
      "cloud/src/app.ts",
      'export { a } from "../../test/support/a.ts";',
      "packages",
    ],
    [
      "a type crosses packages",
      "edge/src/main.ts",
      'type A = import("@fieldloop/cloud/app").A;',
      "packages",
    ],
    [
      "wings of the edge meet",
      "edge/src/reporting/a.ts",
      'import "../upkeep/models/slot.ts";',
      "edge-wings",
    ],
    [
      "the platform knows a wing",
      "edge/src/platform/a.ts",
      'import "../perception/pipeline.ts";',
      "edge-wings",
    ],
    [
      "a wing knows the agent",
      "edge/src/upkeep/a.ts",
      'import type { A } from "../agent.ts";',
      "edge-wings",
    ],
    [
      "perception's rooms meet",
      "edge/src/perception/camera/a.ts",
      'import "../inference/engine.ts";',
      "perception-siblings",
    ],
    [
      "a camera knows the pipeline",
      "edge/src/perception/camera/a.ts",
      'import "../pipeline.ts";',
      "perception-siblings",
    ],
    [
      "a lower wing knows a higher",
      "cloud/src/fleet/alerts/a.ts",
      'import "../../models/rollout/rollout.ts";',
      "cloud-wings",
    ],
    [
      "the platform knows the app",
      "cloud/src/platform/http.ts",
      'import "../app.ts";',
      "cloud-wings",
    ],
    [
      "a foreign store is used",
      "cloud/src/models/rollout/advance.ts",
      'import "../registry/store.ts";',
      "stores",
    ],
    [
      "a foreign store folder is used",
      "cloud/src/models/rollout/a.ts",
      'import "../../fleet/devices/store/rows.ts";',
      "stores",
    ],
    ["a query in a route", "cloud/src/fleet/devices/routes.ts", 'db.selectFrom("devices");', "sql"],
    [
      "SQL text in a use case",
      "edge/src/reporting/link/a.ts",
      "db.prepare(`INSERT INTO rows VALUES (?)`);",
      "sql",
    ],
    [
      "SQL with values in it",
      "cloud/src/fleet/devices/a.ts",
      `run(\`select * from t where id = \${1}\`);`,
      "sql",
    ],
    ["SQL in pieces", "cloud/src/fleet/a.ts", `run(\`select \${a} from t\`);`, "sql"],
    ["a tagged query", "cloud/src/fleet/devices/a.ts", "sql`now()`;", "sql"],
    ["sharp away from home", "edge/src/perception/a.ts", 'import sharp from "sharp";', "natives"],
    [
      "SQLite away from home",
      "edge/src/reporting/a.ts",
      'import Database from "better-sqlite3";',
      "natives",
    ],
    ["PostgreSQL away from home", "cloud/src/fleet/a.ts", 'import { Pool } from "pg";', "natives"],
    ["a private keyword", "edge/src/a.ts", "class A { private b = 1; }", "plain-typescript"],
    ["a decorator", "edge/src/a.ts", "@sealed class A {}", "plain-typescript"],
    ["an I prefix", "edge/src/a.ts", "interface ICamera {}", "plain-typescript"],
    ["a drawer", "edge/src/utils/a.ts", "", "names"],
    ["a file of types", "cloud/src/fleet/types.ts", "", "names"],
    ["a barrel", "shared/src/all.ts", 'export * from "./ids.ts";', "names"],
    ["a default export", "edge/src/a.ts", "export default 1;", "default-exports"],
    ["a long file", "edge/src/a.ts", lines(401), "sizes"],
    ["a long function", "edge/src/a.ts", `function a() {\n${lines(69)}}`, "sizes"],
    ["a long component", "cloud/console/src/a.tsx", `function A() {\n${lines(149)}}`, "sizes"],
  ])("%s", (_name, path, source, rule) => {
    expect(broken(path, source)).toEqual([rule]);
  });

  it("also in documents", () => {
    expect(documentLinesMax("ARCHITECTURE.md")).toBe(300);
    expect(documentLinesMax("edge/README.md")).toBe(60);
    expect(documentLinesMax("README.md")).toBeUndefined();
  });
});

describe("what is allowed stays allowed", () => {
  it.each([
    [
      "a test imports anything",
      "edge/src/a.test.ts",
      'import "@fieldloop/cloud/app"; import "sharp";',
    ],
    [
      "the demo joins edge and cloud",
      "deploy/demo/src/a.ts",
      'import "@fieldloop/cloud/app"; import "@fieldloop/edge/agent";',
    ],
    [
      "the agent joins the wings",
      "edge/src/agent.ts",
      'import "./reporting/link/link.ts"; import "./upkeep/models/slot.ts";',
    ],
    [
      "the pipeline knows its siblings",
      "edge/src/perception/pipeline.ts",
      'import "./camera/source.ts"; import "./inference/engine.ts";',
    ],
    [
      "the app knows every wing",
      "cloud/src/app.ts",
      'import "./fleet/devices/routes.ts"; import "./platform/http.ts";',
    ],
    [
      "a higher wing uses a lower one",
      "cloud/src/models/rollout/a.ts",
      'import "../../fleet/devices/reads.ts";',
    ],
    [
      "a module uses its own store",
      "cloud/src/fleet/devices/a.ts",
      'import "./store.ts"; import "./store/rows.ts";',
    ],
    [
      "queries stand in stores",
      "cloud/src/fleet/devices/store/rows.ts",
      'db.selectFrom("devices"); sql`now()`;',
    ],
    [
      "words that look like SQL",
      "cloud/src/fleet/a.ts",
      'say("select a device first"); say("update the device");',
    ],
    ["a function of 70 lines", "edge/src/a.ts", `function a() {\n${lines(68)}}`],
    ["a file of 400 lines", "edge/src/a.ts", lines(400)],
    [
      "offline work of the command line",
      "cloud/cli/src/offline/a.ts",
      'import "@fieldloop/cloud/models/compiler/passes";',
    ],
    ["a lazy page", "cloud/console/src/pages/fleet/devices.tsx", "export default 1;"],
  ])("%s", (_name, path, source) => {
    expect(broken(path, source)).toEqual([]);
  });
});
