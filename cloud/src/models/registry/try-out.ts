/** Tries the files of a push out, one after another, and compares what they answer. */
import { AppError } from "@fieldloop/shared/errors";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { canonicalJson } from "@fieldloop/shared-node/crypto/canonical-json";
import type { Platform } from "../../platform/context.ts";
import {
  disagreements,
  type Push,
  type PushedVariant,
  steadiest,
  type TriedFile,
  unsureWarnings,
} from "./registry.ts";
import { picturesKept, testPictures } from "./test-pictures.ts";
import type { Trial, TrialAnswer, TrialProblem, TrialReport } from "./trial-messages.ts";

type Blobs = Platform["blobs"];
type Fits = Extract<TrialReport, { kind: "fits" }>;

export interface Tried {
  readonly manifest: Fits["manifest"];
  /** In the order of the push. */
  readonly files: readonly TriedFile[];
  readonly warnings: readonly string[];
}

/** A file, and how the spec reads for it. */
interface Candidate {
  readonly model: string;
  readonly spec: ModelSpec;
  /** `undefined` where the push names one file only. */
  readonly variant: PushedVariant | undefined;
  /** Where the push names it, for problems. */
  readonly path: string;
}

/**
 * Runs every file on the golden images; without any on test pictures, of which those are kept that
 * the file `push.model` is surest of.
 * @throws AppError 422 `model-rejected` with everything that does not fit in `detail.errors`
 */
export async function tryOut(blobs: Blobs, trial: Trial, push: Push): Promise<Tried> {
  const candidates = candidatesOf(push);
  const sizes = await requireBlobs(blobs, push);
  const given = push.goldens.length > 0;
  const pictures = given ? push.goldens : await storeTestPictures(blobs);
  const run = async (candidate: Candidate, digests: readonly string[]): Promise<Fits> => {
    const report = await trial({
      spec: candidate.spec,
      modelPath: blobs.path(candidate.model),
      pictures: await picturesOf(blobs, digests),
    });
    const problems = report.kind === "fits" ? kindProblems(report, candidate) : report.problems;
    if (report.kind === "problems" || problems.length > 0)
      throw rejected(
        push,
        problems.map((problem) => located(problem, candidate)),
      );
    return report;
  };
  const [reference, ...others] = candidates;
  const first = await run(reference, pictures);
  const answers = given ? first.answers : steadiest(first.answers, picturesKept);
  const kept = answers.map(({ image }) => image);
  const files = new Map([[reference, fileOf(first, answers, reference, sizes)]]);
  const warnings = [...first.warnings, ...(given ? unsureWarnings(answers) : [])];
  for (const candidate of others) {
    const fits = await run(candidate, kept);
    requireSameMeaning(push, candidate, fits, first);
    warnings.push(...compare(push, candidate, fits.answers, answers));
    files.set(candidate, fileOf(fits, fits.answers, candidate, sizes));
  }
  const order = [...files].sort(([a], [b]) => placeOf(push, a) - placeOf(push, b));
  return { manifest: first.manifest, files: order.map(([, file]) => file), warnings };
}

/** The file to compare with first, then the others. */
function candidatesOf(push: Push): readonly [Candidate, ...Candidate[]] {
  const { spec, model, variants } = push;
  if (variants.length === 0) return [{ model, spec, variant: undefined, path: "" }];
  const all = variants.map((variant, i): Candidate => {
    const { input, temperature } = variant;
    const path = `variants.${i}.`;
    return { model: variant.model, spec: { ...spec, input, temperature }, variant, path };
  });
  const reference = all.find((candidate) => candidate.model === model);
  if (reference === undefined)
    throw rejected(push, [
      {
        path: "model",
        message: `the model file ${model.slice(0, 12)}, with which the variants are compared, is none of them; list it among the variants`,
      },
    ]);
  return [reference, ...all.filter((candidate) => candidate !== reference)];
}

function placeOf({ variants }: Push, { variant }: Candidate): number {
  return variant === undefined ? 0 : variants.indexOf(variant);
}

async function requireBlobs(blobs: Blobs, push: Push): Promise<ReadonlyMap<string, number>> {
  const missing: TrialProblem[] = [];
  const sizes = new Map<string, number>();
  const look = async (path: string, what: string, digest: string) => {
    const bytes = await blobs.size(digest);
    if (bytes !== undefined) return sizes.set(digest, bytes);
    const message = `${what} ${digest.slice(0, 12)} is not on the server; upload it first (PUT /api/v1/blobs/${digest})`;
    return missing.push({ path, message });
  };
  await look("model", "the model file", push.model);
  for (const [i, { kind, model }] of push.variants.entries())
    if (model !== push.model) await look(`variants.${i}.model`, `the ${kind} file`, model);
  for (const digest of push.goldens) await look("goldens", "golden image", digest);
  if (missing.length > 0) throw rejected(push, missing);
  return sizes;
}

async function storeTestPictures(blobs: Blobs): Promise<string[]> {
  const digests: string[] = [];
  for (const picture of await testPictures()) digests.push((await blobs.putBytes(picture)).digest);
  return digests;
}

async function picturesOf(blobs: Blobs, digests: readonly string[]) {
  return await Promise.all(
    digests.map(async (digest) => {
      const bytes = (await blobs.size(digest)) ?? 0; // all of them were just seen or stored
      return { digest, bytes, path: blobs.path(digest) };
    }),
  );
}

function fileOf(
  fits: Fits,
  answers: readonly TrialAnswer[],
  { model, variant }: Candidate,
  sizes: ReadonlyMap<string, number>,
): TriedFile {
  const blob = { digest: model, bytes: sizes.get(model) ?? 0 }; // all of them were seen
  if (variant === undefined) return { variant: fits.variant, blob, answers };
  const { kind, requires, calibration } = variant;
  const said = {
    kind,
    requires: [...requires],
    ...(calibration === undefined ? {} : { calibration }),
  };
  return { variant: { ...fits.variant, ...said }, blob, answers };
}

function kindProblems({ variant }: Fits, candidate: Candidate): readonly TrialProblem[] {
  const said = candidate.variant?.kind ?? variant.kind;
  // How wide the weights are, and when ranges are found, the file does not say by itself.
  if (said === variant.kind || said.startsWith(`${variant.kind}-`)) return [];
  const message = `the file is ${variant.kind} and the push calls it ${said}: set kind to ${variant.kind}`;
  return [{ path: "kind", message }];
}

/** Labels and outputs stand once in a manifest, so they must hold for every file. */
function requireSameMeaning(push: Push, candidate: Candidate, fits: Fits, first: Fits): void {
  if (canonicalJson(fits.manifest) === canonicalJson(first.manifest)) return;
  const message =
    "the file has other outputs or labels than the model it is compared with; variants may differ in arithmetic and input only";
  throw rejected(push, [located({ path: "model", message }, candidate)]);
}

/**
 * Refuses a variant that plainly answers a golden image of somebody's wrongly; on test pictures,
 * where a model knows nothing, and on near misses it warns.
 */
function compare(
  push: Push,
  candidate: Candidate,
  answers: readonly TrialAnswer[],
  reference: readonly TrialAnswer[],
): string[] {
  const found = disagreements(answers, reference);
  const problems = push.goldens.length === 0 ? [] : found.filter(({ plain }) => plain);
  if (problems.length > 0)
    throw rejected(
      push,
      problems.map(({ message }) => located({ path: "model", message }, candidate)),
    );
  return found.map(({ message }) => `${candidate.variant?.kind}: ${message}`);
}

function located({ path, message }: TrialProblem, { path: at, variant }: Candidate): TrialProblem {
  if (variant === undefined) return { path, message };
  return { path: `${at}${path}`, message: `${variant.kind}: ${message}` };
}

function rejected({ spec }: Push, problems: readonly TrialProblem[]): AppError {
  const [first] = problems;
  const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return new AppError({
    code: "model-rejected",
    status: 422,
    message: `${spec.name} ${spec.version} cannot be registered: ${first?.message}${rest}`,
    detail: { errors: problems },
  });
}
