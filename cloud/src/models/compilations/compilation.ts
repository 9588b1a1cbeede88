/** What a compilation on the server is, what it may be, and what becomes of it. Pure. */
import type {
  Compilation,
  compilations,
  WantedKind,
} from "@fieldloop/shared/contract/compilations";
import type { EndpointCall } from "@fieldloop/shared/contract/endpoint";
import { AppError } from "@fieldloop/shared/errors";
import type { ModelManifest, ModelSpec, ModelVariant } from "@fieldloop/shared/manifest/model";
import type { Push } from "../registry/registry.ts";

/** What was asked for. */
export type Wish = EndpointCall<typeof compilations.start>["body"];
export type WishedSample = Wish["samples"][number];

/** A compilation as the queue keeps it. */
export interface Job {
  readonly view: Compilation;
  readonly spec: ModelSpec;
  readonly model: string;
  readonly samples: readonly WishedSample[];
  readonly goldens: readonly string[];
  readonly kinds: readonly WantedKind[];
  /** This one included. */
  readonly attempts: number;
  /** What the search of earlier attempts has tried. */
  readonly trials: readonly unknown[];
  /** What an earlier attempt made and stored. */
  readonly push: Push | undefined;
}

/** Compilations that may wait; a further one is refused. */
export const waitingMax = 20;
/** How many are listed. */
export const listedMax = 200;
/** How often one is begun. */
export const attemptsMax = 3;
export const keptDays = 90;
/** Pixels of all pictures together, as the command line's compiler has it. */
export const pixelsBytesMax = 1024 * 2 ** 20;
/** Problems that are listed; what does not fit at all has a few. */
const problemsMax = 50;

export interface Problem {
  readonly path: string;
  readonly message: string;
}

/** Names of classes that the model does not know, and more pixels than fit. */
export function sampleProblems(
  samples: readonly WishedSample[],
  labels: readonly string[],
  { width, height }: Pick<ModelVariant["input"], "width" | "height">,
): Problem[] {
  const most = Math.floor(pixelsBytesMax / (3 * width * height));
  const tooMany = {
    path: "samples",
    message: `${samples.length} pictures were given; at most ${most} of ${width} x ${height} pixels can be used at once, so take some out`,
  };
  const known = new Set(labels);
  const foreign = samples.flatMap(({ name, label }, i) =>
    label === undefined || known.has(label)
      ? []
      : [
          {
            path: `samples.${i}.label`,
            message: `${name} is said to be ${label}; the model knows ${shown(labels)}`,
          },
        ],
  );
  return samples.length > most ? [tooMany, ...foreign] : foreign;
}

function shown(labels: readonly string[]): string {
  const [first, rest] = [labels.slice(0, 10), labels.length - 10];
  return rest > 0 ? `${first.join(", ")} and ${rest} more` : first.join(", ");
}

/** A refusal with everything that does not fit. */
export function rejected({ spec }: Pick<Wish, "spec">, problems: readonly Problem[]): AppError {
  const [first] = problems;
  const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new AppError({
    code: "compilation-rejected",
    status: 422,
    message: `${spec.name} ${spec.version} cannot be compiled: ${first?.message}${rest}`,
    detail: { errors: problems.slice(0, problemsMax) },
  });
}

/** Hours of work would end in this, so it is said before. */
export function versionTaken(name: string, version: string): string {
  return `${name} version ${version} exists; raise the version`;
}

/** What becomes of a compilation whose process ended without an answer. */
export function afterBreak(
  attempts: number,
  how: string,
): { readonly kind: "again" } | { readonly kind: "failed"; readonly error: string } {
  if (attempts < attemptsMax) return { kind: "again" };
  return {
    kind: "failed",
    error: `the compilation was begun ${attempts} times and never came to its end (the last time ${how}); it may need more memory than this server has: compile with fewer pictures, or on another machine with \`fieldloop models compile --out\``,
  };
}

/**
 * What the person wrote, with what compiling knows besides: a compiled graph carries no notes of its
 * exporter any more.
 */
export function specToRegister(
  spec: ModelSpec,
  manifest: Pick<ModelManifest, "task" | "labels" | "licence" | "output">,
  best: Pick<ModelVariant, "input" | "temperature">,
): ModelSpec {
  const { golden: _paths, ...said } = spec;
  const { task, labels, output, licence } = manifest;
  const { input, temperature } = best;
  const rest = licence === null ? {} : { licence };
  return { ...said, task, labels, ...rest, input, output, temperature };
}
