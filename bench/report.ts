/** What every benchmark prints and writes: figures, bars met or missed, and on which machine. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's root, seen from the built file. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

export type Bar = {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
} & (
  | {
      /** The value must not be larger. */
      readonly most: number;
    }
  | {
      /** The value must not be smaller. */
      readonly least: number;
    }
);

export interface Report {
  readonly bench: string;
  readonly figures: Readonly<Record<string, unknown>>;
  readonly bars: readonly Bar[];
  /** What was left out, and why. */
  readonly skipped: readonly string[];
}

/** What else the machine did when the benchmark began: average of runnable processes, one minute. */
const loadBefore = Math.round((loadavg()[0] ?? 0) * 10) / 10;

/** p50 and p95 by nearest rank, in the values' unit, rounded to thousandths. */
export function spread(values: readonly number[]): { p50: number; p95: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number): number => {
    const value = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
    return Math.round(value * 1000) / 1000;
  };
  return { p50: at(0.5), p95: at(0.95) };
}

/** Prints the bars and writes results/BENCH.json; the exit code becomes 1 when one is missed. */
export async function finish(report: Report): Promise<void> {
  for (const what of report.skipped) console.log(`skipped: ${what}`);
  const bars = report.bars.map((bar) => ({
    ...bar,
    met: "most" in bar ? bar.value <= bar.most : bar.value >= bar.least,
  }));
  for (const bar of bars) {
    const { what, value, unit, met } = bar;
    const limit = "most" in bar ? `at most ${bar.most}` : `at least ${bar.least}`;
    console.log(`${met ? "met   " : "MISSED"} ${what}: ${value} ${unit} (${limit} ${unit})`);
    if (!met) process.exitCode = 1;
  }
  const { bench, figures, skipped } = report;
  const folder = join(root, "bench/results");
  await mkdir(folder, { recursive: true });
  const document = { bench, date: new Date().toISOString().slice(0, 10) };
  const result = { ...document, machine: await machine(), bars, figures, skipped };
  await writeFile(join(folder, `${bench}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

async function machine() {
  const version = async (name: string): Promise<string> => {
    const path = join(root, "node_modules", name, "package.json");
    return JSON.parse(await readFile(path, "utf8")).version;
  };
  const info = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const flags = /avx512_vnni|avx_vnni|avx512f|avx2|asimddp/g;
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    features: [...new Set(info.match(flags))].sort(),
    memoryBytes: totalmem(),
    loadBefore,
    kernel: release().split("-")[0],
    architecture: process.arch,
    node: process.version,
    onnxruntime: await version("onnxruntime-node"),
    sharp: await version("sharp"),
  };
}
