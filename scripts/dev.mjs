/**
 * `npm run dev`: rebuilds on every change and restarts the demo after each build that succeeds.
 * Arguments go to the demo. The console has a server of its own with hot reloading:
 * `npm run dev -w @fieldloop/console`.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, watch } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const demo = join(root, "deploy", "demo", "bin", "start.mjs");
const settleMs = 200;

const say = (text) => process.stderr.write(`fieldloop: ${text}\n`);
const node = (...args) => spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
const ended = (child) =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once("exit", resolve));

let running;
let building = false;
let changed = false;
let timer;

/** One build at a time; what changes meanwhile is built right after. */
async function rebuild() {
  if (building) {
    changed = true;
    return;
  }
  building = true;
  do {
    changed = false;
    if ((await ended(node(tsc, "-b"))) !== 0) say("waiting for a change");
    else if (!changed) await restart();
  } while (changed);
  building = false;
}

async function restart() {
  if (running) {
    running.kill("SIGTERM");
    await ended(running);
  }
  say("starting the demo");
  running = node(demo, ...process.argv.slice(2));
}

const { references } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"));
for (const { path } of references) {
  const folder = join(root, path, "src");
  if (!existsSync(folder)) continue;
  watch(folder, { recursive: true }, (_event, name) => {
    if (name?.includes(".test.")) return;
    clearTimeout(timer);
    timer = setTimeout(rebuild, settleMs);
  });
}
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, async () => {
    running?.kill("SIGTERM");
    if (running) await ended(running);
    process.exit(0);
  });
await rebuild();
