/** `fieldloop models bench` on this machine: the files of a model against each other, without a server. */
import type { BenchmarkFigures } from "@fieldloop/shared/contract/benchmarks";
import type { ModelManifest } from "@fieldloop/shared/manifest/model";
import {
  fittingVariants,
  type MeasuredVariant,
  measureVariants,
} from "@fieldloop/shared-node/measure-variants";
import { readProcessor, readProcessorName } from "@fieldloop/shared-node/processor";
import { benchText } from "../bench-text.ts";
import { readCompiled } from "../compiled.ts";
import type { Context, Report } from "../context.ts";
import { startStages } from "../stage-progress.ts";
import { readModelInputs } from "./inputs.ts";

export interface BenchHereFlags {
  /** Where the path is a model file; a compiled folder has its own. */
  readonly manifest?: string;
  readonly pairs: number;
  readonly threads: number;
}

/** What is measured: a version, and where its files lie. */
interface Subject {
  readonly manifest: Omit<ModelManifest, "variants">;
  readonly variants: readonly MeasuredVariant[];
  readonly passedOver: BenchmarkFigures["passedOver"];
  readonly pathOf: (digest: string) => string;
}

/** @throws AppError with one sentence where the model cannot be read, or this machine runs none of its files */
export async function benchHere(
  context: Context,
  path: string,
  { manifest, pairs, threads }: BenchHereFlags,
): Promise<Report> {
  const features = (await readProcessor()) ?? [];
  const subject =
    manifest === undefined
      ? await compiledSubject(path, [...features, "cpu"])
      : await fileSubject(path, manifest);
  const progress = startStages(context.io, context.json());
  try {
    const runs = 2 * pairs * Math.max(1, subject.variants.length - 1);
    let done = 0;
    const variants = await measureVariants({
      ...subject,
      pairs,
      run: { providers: ["cpu"], intraOpThreads: threads },
      pathOf: ({ digest }) => subject.pathOf(digest),
      between: async () => progress.at("measuring", Math.min(1, ++done / runs)),
    });
    const { name, version } = subject.manifest;
    const { rss: rssBytes } = process.memoryUsage();
    const processor = await readProcessorName();
    const figures: BenchmarkFigures = {
      ...{ processor, features: [...features], threads, rssBytes, temperatureC: null },
      ...{ variants, passedOver: subject.passedOver },
    };
    progress.end();
    return {
      data: { name, version, pairs, figures },
      text: `${name} ${version} on this machine\n${benchText(figures, context.look)}`,
    };
  } finally {
    progress.end();
  }
}

async function compiledSubject(folder: string, has: readonly string[]): Promise<Subject> {
  const { document, files } = await readCompiled(folder);
  const paths = new Map(files.map(({ digest, path }) => [digest, path]));
  return {
    manifest: document,
    ...fittingVariants(document, has),
    pathOf: (digest) => paths.get(digest) ?? folder, // every variant has its file, or reading refused
  };
}

/** One float file, measured against itself. */
async function fileSubject(path: string, manifest: string): Promise<Subject> {
  const { completed } = await readModelInputs(path, manifest);
  const variant: MeasuredVariant = { ...completed.variant, digest: "" }; // there is only one file
  return {
    manifest: completed.manifest,
    variants: [variant],
    passedOver: [],
    pathOf: () => path,
  };
}
