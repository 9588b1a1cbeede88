/**
 * `node scripts/setup.mjs start|test|dev|setup`: installs and builds what is missing, once, and says
 * so. Without dependencies, because it runs before there are any.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { takeLock } from "./setup-lock.mjs";
import { headersPrefix, isInstalled, nodeProblem, planSetup, toolProblem } from "./setup-plan.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFolder = join(root, "node_modules", ".fieldloop-setup");
// Outside node_modules, which `npm ci` empties.
const lockPath = join(root, ".setup", "lock");
const nativePart = "node_modules/better-sqlite3/build/Release/better_sqlite3.node";
const heartbeatMs = 15_000;

class SetupError extends Error {}

/** The program under way, so that stopping us stops it. */
let working;

const say = (text) => process.stderr.write(`fieldloop: ${text}\n`);

async function main(mode) {
  const problem = nodeProblem(process.version);
  if (problem) throw new SetupError(problem);
  if (!["start", "test", "dev", "setup"].includes(mode))
    throw new SetupError("say `start`, `test`, `dev` or `setup` after scripts/setup.mjs");
  if (plan(mode).length === 0) return;
  const release = await takeLock(lockPath, (pid) =>
    say(`another copy is setting up (process ${pid}); waiting for it`),
  );
  process.once("exit", release);
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => {
      working?.kill(signal);
      process.exit(130);
    });
  // Asked again under the lock, since the other copy may have done it all.
  for (const step of plan(mode)) await steps[step]();
  release();
}

/** What is to be done now, by what lies on disk. */
function plan(mode) {
  return planSetup(mode, {
    installed:
      isInstalled(readJson("package-lock.json"), readJson("node_modules/.package-lock.json")) &&
      existsSync(join(root, nativePart)),
    stamps: { abi: stamp("abi"), code: stamp("code"), console: stamp("console") },
    wanted: { abi: process.versions.modules, code: codeDigest(), console: consoleDigest() },
    outputs: {
      code: projects().every((path) => existsSync(join(root, path, "dist", ".tsbuildinfo"))),
      console:
        !existsSync(join(root, "cloud/console/index.html")) ||
        existsSync(join(root, "cloud/console/dist/index.html")),
    },
  });
}

const steps = {
  async install() {
    const missing = toolProblem(onPath);
    if (missing) say(`note: ${missing}`);
    const env = {
      // Older versions of npm run every install script; this one would fetch hundreds of megabytes
      // of GPU libraries that nothing here needs.
      ONNXRUNTIME_NODE_INSTALL: "skip",
      npm_config_nodedir: headers(),
      ...process.env,
    };
    await timed(
      "installing packages (once; one to three minutes)",
      npm(["ci", "--include=dev", "--no-fund", "--no-audit", "--loglevel=error"], env),
      () => missing ?? "look at npm's message above; `npm ci` repeats it",
    );
    if (!existsSync(join(root, nativePart)))
      throw new SetupError(
        "better-sqlite3 has no native part after the installation; `npm rebuild better-sqlite3` says why",
      );
    writeStamp("abi", process.versions.modules);
  },
  async code() {
    const digest = codeDigest();
    writeStamp("abi", process.versions.modules);
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const build = run(process.execPath, [tsc, "-b"], process.env);
    await timed("building", build, () => "the messages above name file and line");
    writeStamp("code", digest);
  },
  async console() {
    const digest = consoleDigest();
    if (existsSync(join(root, "cloud/console/index.html")))
      await timed(
        "building the console",
        npm(["run", "build", "--silent", "-w", "@fieldloop/console"], process.env),
        () => "the messages above say where",
      );
    writeStamp("console", digest);
  },
};

async function timed(what, work, advice) {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  say(`${what} …`);
  const heartbeat = setInterval(() => say(`  still at it, ${seconds()} s`), heartbeatMs);
  const code = await work.finally(() => clearInterval(heartbeat));
  if (code !== 0) throw new SetupError(`${what} failed: ${advice()}`);
  say(`  done in ${seconds()} s`);
}

/** Runs a program; what it prints goes to standard error, so that standard output stays free. */
function run(program, args, env) {
  return new Promise((resolve, reject) => {
    working = spawn(program, args, { cwd: root, env, stdio: ["ignore", 2, 2] });
    working.once("error", reject);
    working.once("exit", (code, signal) => resolve(signal === null ? code : 1));
  });
}

/** The npm that runs us, where one does. */
function npm(args, env) {
  const script = process.env.npm_execpath;
  const ours = script && /\.c?js$/.test(script) && existsSync(script);
  return ours ? run(process.execPath, [script, ...args], env) : run("npm", args, env);
}

function headers() {
  return headersPrefix(realpathSync(process.execPath), process.version, (path) =>
    existsSync(path) ? readFileSync(path, "utf8") : undefined,
  );
}

function onPath(program) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      return false; // not in this folder
    }
  });
}

/** Folders of the TypeScript projects that `tsc -b` builds. */
function projects() {
  return readJson("tsconfig.json").references.map(({ path }) => path);
}

function codeDigest() {
  const files = ["package-lock.json", "tsconfig.json", "tsconfig.base.json"];
  for (const path of projects())
    files.push(`${path}/package.json`, `${path}/tsconfig.json`, ...filesUnder(`${path}/src`));
  return digestOf(files.filter((path) => !path.includes(".test.")));
}

function consoleDigest() {
  const files = ["package-lock.json", ...filesUnder("cloud/console"), ...filesUnder("shared/src")];
  return digestOf(files.filter((path) => !path.includes(".test.")));
}

function filesUnder(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory())
      return entry.name === "node_modules" || entry.name === "dist" ? [] : filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}

function digestOf(files) {
  const hash = createHash("sha256");
  for (const file of files.toSorted()) {
    const path = join(root, file);
    hash
      .update(`${file}\0`)
      .update(existsSync(path) ? readFileSync(path) : "")
      .update("\0");
  }
  return hash.digest("hex");
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw new SetupError(`${path} cannot be read: ${error.message}`);
  }
}

function stamp(name) {
  const path = join(stampFolder, name);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function writeStamp(name, text) {
  mkdirSync(stampFolder, { recursive: true });
  writeFileSync(join(stampFolder, name), text);
}

try {
  await main(process.argv[2]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
