/** `fieldloop models bench` and `models benchmarks`: how fast a model's files are, here and on devices. */
import { setTimeout as delay } from "node:timers/promises";
import { type Benchmark, benchmarks } from "@fieldloop/shared/contract/benchmarks";
import { AppError } from "@fieldloop/shared/errors";
import { semver, slug } from "@fieldloop/shared/ids";
import { type Command, InvalidArgumentError } from "commander";
import { benchmarksText, benchText } from "../bench-text.ts";
import { isFolder } from "../compiled.ts";
import type { Context, Report } from "../context.ts";
import { name, positive } from "../options.ts";
import { plain } from "../text.ts";

interface BenchFlags {
  readonly manifest?: string;
  readonly device?: string;
  readonly pairs: number;
  readonly threads?: number;
  readonly wait: boolean;
}

interface VersionName {
  readonly name: string;
  readonly version: string;
}

const pollMs = 1000;

export function addBenchCommands(group: Command, context: Context): void {
  group
    .command("bench")
    .description("Measure how fast a model's files are, in turns: on this machine, or on a device")
    .argument("<what>", "a folder that `models compile` made, a model file, or name@version")
    .option("--manifest <model.yaml>", "with a model file: how it is fed and read")
    .option("--device <name>", "with name@version: the device that measures and answers", name)
    .option("--pairs <number>", "runs of each file, 20 to 2000", pairs, 200)
    .option("--threads <number>", "on this machine: threads of one run (default: 1)", positive)
    .option("--no-wait", "with --device: do not wait for its answer")
    .action(async (what: string, flags: BenchFlags, command: Command) => {
      if (flags.device !== undefined) {
        if (flags.threads !== undefined || flags.manifest !== undefined)
          return command.error(
            "error: --threads and --manifest are for this machine; a device has its own",
          );
        return context.show(await benchThere(context, versionName(what), flags.device, flags));
      }
      if (flags.manifest === undefined && !(await isFolder(what)))
        return command.error(
          versionNameOf(what)
            ? `error: ${what} is measured on a device; give one with --device`
            : `error: ${what} is no folder that \`models compile\` made; a model file needs --manifest`,
        );
      // Loaded here: it brings ONNX Runtime with it, and no other command wants that.
      const { benchHere } = await import("../offline/bench.ts");
      context.show(await benchHere(context, what, { ...flags, threads: flags.threads ?? 1 }));
    });
  group
    .command("benchmarks")
    .description("List what devices measured of a version, by device profile")
    .argument("<name@version>", "a version", versionArgument)
    .action(async (params: VersionName) => context.show(await listBenchmarks(context, params)));
}

async function benchThere(
  context: Context,
  params: VersionName,
  device: string,
  { pairs, wait }: BenchFlags,
): Promise<Report> {
  const { client } = context.connection();
  const asked = await client.call(benchmarks.start, {
    params,
    body: { device, pairs },
  });
  if (!wait) return { data: asked, text: askedText(asked) };
  if (!context.json()) context.io.err(askedText(asked));
  for (let now = asked; ; await delay(pollMs)) {
    if (now.state === "failed")
      throw new AppError({
        code: "benchmark-failed",
        message: `${device} did not measure ${params.name} ${params.version}: ${plain(now.error ?? "it is not known why")}`,
      });
    if (now.figures !== null) {
      const head = `${params.name} ${params.version} on ${device} (${now.profile})\n`;
      return { data: now, text: head + benchText(now.figures, context.look) };
    }
    const { items } = await client.call(benchmarks.list, { params });
    const found = items.find(({ id }) => id === asked.id);
    if (found === undefined)
      throw new AppError({
        code: "benchmark-gone",
        message: `the measurement on ${device} is gone: the device was removed, or newer ones took its place`,
      });
    now = found;
  }
}

async function listBenchmarks(
  { connection, io, look }: Context,
  params: VersionName,
): Promise<Report> {
  const { items } = await connection().client.call(benchmarks.list, { params });
  const what = `${params.name}@${params.version}`;
  const none = `No device has measured ${what}. \`fieldloop models bench ${what} --device NAME\` has one do it.\n`;
  return {
    data: { items },
    text: items.length === 0 ? none : benchmarksText(items, io.now(), look),
  };
}

function askedText({ name, version, device }: Benchmark): string {
  return `${device} measures ${name} ${version} when it is on line. To look: fieldloop models benchmarks ${name}@${version}\n`;
}

function versionNameOf(text: string): VersionName | undefined {
  const [name = "", version = "", ...more] = text.split("@");
  const fits = slug.safeParse(name).success && semver.safeParse(version).success;
  return fits && more.length === 0 ? { name, version } : undefined;
}

function versionName(text: string): VersionName {
  const found = versionNameOf(text);
  if (found !== undefined) return found;
  throw new AppError({
    code: "bad-version",
    message: `a device measures a registered version, and \`${plain(text)}\` is none; write it as name@version, for example egg-grader@1.0.0`,
  });
}

function versionArgument(text: string): VersionName {
  const found = versionNameOf(text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError("Write name@version, for example egg-grader@1.0.0.");
}

function pairs(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value >= 20 && value <= 2000) return value;
  throw new InvalidArgumentError("Write a whole number from 20 to 2000.");
}
