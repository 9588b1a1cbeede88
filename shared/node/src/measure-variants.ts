/** Measures the files of one version against each other. */
import type { BenchmarkFigures } from "@fieldloop/shared/contract/benchmarks";
import { AppError } from "@fieldloop/shared/errors";
import {
  lackOf,
  type ModelManifest,
  type ModelVariant,
  referenceVariant,
} from "@fieldloop/shared/manifest/model";
import { comparePairs, greyPixels, type PairOptions } from "./latency.ts";
import { type Model, type ModelOptions, openModel } from "./model.ts";

export interface MeasureOptions {
  readonly manifest: ModelOptions["manifest"];
  /** Those that this computer computes right, at least one. */
  readonly variants: readonly MeasuredVariant[];
  readonly pathOf: (variant: MeasuredVariant) => string;
  readonly pairs: number;
  readonly run: Pick<ModelOptions, "providers" | "intraOpThreads">;
  readonly between?: PairOptions["between"];
}

export type MeasuredVariant = Pick<ModelVariant, "kind" | "digest" | "input" | "temperature">;

export interface FittingVariants {
  /** Those whose needs are met, in the order of the manifest; at least one. */
  readonly variants: readonly ModelVariant[];
  /** The others, with the reason. */
  readonly passedOver: BenchmarkFigures["passedOver"];
}

/**
 * Tells the files that a board computes right from those that it does not.
 * @param has features and execution providers of the board
 * @throws AppError `variant-none` where it runs none of them
 */
export function fittingVariants(
  { name, version, variants: all }: Pick<ModelManifest, "name" | "version" | "variants">,
  has: readonly string[],
): FittingVariants {
  const told = all.map((variant) => ({ variant, lacks: lackOf(variant, has) }));
  const variants = told.flatMap(({ variant, lacks }) => (lacks.length === 0 ? [variant] : []));
  if (variants.length === 0)
    throw new AppError({
      code: "variant-none",
      message: `this board runs none of the files of ${name} ${version}`,
    });
  const passedOver = told.flatMap(({ variant: { kind }, lacks }) =>
    lacks.length === 0 ? [] : [{ kind, reason: `this board lacks ${lacks.join(" and ")}` }],
  );
  return { variants, passedOver };
}

/**
 * Compares each file with the float32 one, or the last where there is none; a single file with
 * itself.
 */
export async function measureVariants(
  options: MeasureOptions,
): Promise<BenchmarkFigures["variants"]> {
  const { variants } = options;
  const reference = referenceVariant(variants);
  const others = variants.filter((variant) => variant !== reference);
  const float = await open(options, reference);
  try {
    const measured: BenchmarkFigures["variants"] = [];
    for (const variant of others.length > 0 ? others : [reference])
      measured.push(await measureOne(options, float, variant));
    return measured;
  } finally {
    await float.close();
  }
}

async function measureOne(
  options: MeasureOptions,
  float: Model,
  variant: MeasuredVariant,
): Promise<BenchmarkFigures["variants"][number]> {
  const { pairs, between } = options;
  const model = await open(options, variant);
  try {
    const pixels = await greyPixels(variant.input);
    const latency = await comparePairs(float, model, {
      pairs,
      pixels: () => pixels,
      ...(between === undefined ? {} : { between }),
    });
    return { kind: variant.kind, provider: model.provider.effective, latency };
  } finally {
    await model.close();
  }
}

function open({ manifest, pathOf, run }: MeasureOptions, variant: MeasuredVariant) {
  return openModel({
    ...run,
    manifest,
    variant: { ...variant, goldens: [] },
    model: { kind: "file", path: pathOf(variant) },
  });
}
