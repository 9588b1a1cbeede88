/**
 * Until the compiler itself takes kinds and writes a report of every file: asks for the first 8-bit
 * kind and puts what it says into the form that is stored.
 */
import { cpus } from "node:os";
import type { WantedKind } from "@fieldloop/shared/contract/compilations";
import type { CompileReport, VariantReport } from "@fieldloop/shared/manifest/compile-report";
import { type Compiled, type CompileOptions, compileModel } from "../compiler/compile.ts";

export type KindsCompiled = Omit<Compiled, "report"> & { readonly report: CompileReport };

type Options = Omit<CompileOptions, "reduced"> & { readonly kinds: readonly WantedKind[] };

export async function compileKinds({ kinds, ...options }: Options): Promise<KindsCompiled> {
  const reduced = !kinds.includes("int8") && kinds.includes("int8-reduced");
  const compiled = await compileModel({ ...options, reduced });
  return { ...compiled, report: reportOf(compiled, options) };
}

function reportOf(
  { manifest, report }: Compiled,
  { file, lossPointsMax }: Omit<Options, "kinds">,
): CompileReport {
  const { sizes, score, operators, quantisation, outcome, inputLeft, samples } = report;
  const copy = <T>(value: T) => structuredClone(value) as Mutable<T>; // stored as JSON, so nobody shares it
  const calibrationOf = (kind: "int8" | "float32") => {
    const found = report.temperature[kind];
    return found === null ? null : { ...copy(found), samples: score.source.samples };
  };
  const points = (overall: number) => 100 * (score.source.overall - overall);
  const int8: VariantReport[] =
    quantisation === null || score.int8 === null || operators.int8 === null
      ? []
      : [
          {
            kind: quantisation.reduced ? "int8-reduced" : "int8",
            published: outcome.kind === "int8",
            because: outcome.because,
            bytes: sizes.int8Bytes ?? 0,
            score: copy(score.int8),
            lossPoints: quantisation.lossPoints,
            operators: copy(operators.int8),
            quantisation: {
              calibration: quantisation.calibration,
              helped: [],
              trials: quantisation.trials,
              float: [...quantisation.float],
              left: copy(quantisation.left),
              notFused: [...quantisation.notFused],
              layers: copy(quantisation.layers),
            },
            calibration: calibrationOf("int8"),
            latency: latencyOf(quantisation.latency),
          },
        ];
  const float: VariantReport = {
    kind: "float32",
    published: true,
    because: "Runs anywhere.",
    bytes: sizes.floatBytes,
    score: copy(score.float),
    lossPoints: points(score.float.overall),
    operators: copy(operators.float),
    quantisation: null,
    calibration: calibrationOf("float32"),
    latency: null,
  };
  return {
    schema: "fieldloop.compile-report/2",
    model: {
      name: manifest.name,
      version: manifest.version,
      file: report.model.file,
      bytes: file.length,
    },
    machine: { processor: cpus()[0]?.model.trim() ?? "unknown", features: [] },
    passes: copy(report.passes),
    inputLeft,
    samples: { ...samples },
    lossPointsMax,
    source: copy(score.source),
    variants: outcome.kind === "int8" ? [...int8, float] : [float, ...int8],
    outcome: outcome.because,
  };
}

function latencyOf(
  latency: NonNullable<Compiled["report"]["quantisation"]>["latency"],
): VariantReport["latency"] {
  if (latency === null) return null;
  const { floatMs, quantisedMs, ...same } = latency;
  return { ...same, referenceMs: { ...floatMs }, subjectMs: { ...quantisedMs } };
}

type Mutable<T> = { -readonly [K in keyof T]: Mutable<T[K]> };
