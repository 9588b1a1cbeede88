/**
 * Builds and runs the benchmarks, one after another: `npm run bench`, or `npm run bench -- pipeline`.
 * A missed bar is printed and makes the exit code 1; on a busy machine that says little.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);

function run(program, args) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: "inherit" });
  return status ?? 1;
}

if (!existsSync(join(root, "node_modules"))) {
  console.error("nothing is installed yet: run `npm run setup` first");
  process.exit(1);
}
if (run(join(root, "node_modules/.bin/tsc"), ["-b", "bench"]) !== 0) process.exit(1);

const wanted = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const benches = readdirSync(here)
  .filter((name) => name.endsWith(".bench.ts"))
  .filter((name) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)));
let missed = false;
for (const name of benches) {
  console.log(`\n== ${name}`);
  const script = join(here, "dist", name.replace(/\.ts$/, ".js"));
  missed = run(process.execPath, ["--max-semi-space-size=2", script]) !== 0 || missed;
}
process.exit(missed ? 1 : 0);
