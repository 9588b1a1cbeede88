/** What a model version is made of, and what is said about it. Pure. */
import { compareVersions } from "@fieldloop/shared/ids";
import type {
  Golden,
  ModelManifest,
  ModelSpec,
  ModelVariant,
} from "@fieldloop/shared/manifest/model";
import { canonicalJson } from "@fieldloop/shared-node/crypto/canonical-json";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import type { TrialAnswer, TrialReport } from "./trial-messages.ts";

/**
 * How far a device's confidence may lie from the server's before the self-test fails, by the
 * arithmetic of the file. Decoders, resize kernels and processors differ by a few hundredths, and
 * integer arithmetic a little more; a damaged model differs by far more or in its answer.
 */
export const goldenTolerance: Readonly<Record<ModelVariant["kind"], number>> = {
  float32: 0.15,
  float16: 0.15,
  int8: 0.2,
  "int8-reduced": 0.2,
  "int8-dynamic": 0.2,
};

/** Below this a classifier's top class may be another one on another processor. */
const unsureConfidence = 0.5;

/** One file of a version that has several. */
export type PushedVariant = Pick<
  ModelVariant,
  "kind" | "input" | "temperature" | "requires" | "calibration"
> & {
  /** Digest of the ONNX file. */
  readonly model: string;
};

/** What was pushed. */
export interface Push {
  readonly spec: ModelSpec;
  /** Digest of the ONNX file; with variants, of the one that the others are compared with. */
  readonly model: string;
  /** All files, best first; empty where there is only the one. */
  readonly variants: readonly PushedVariant[];
  /** Digests of golden images. */
  readonly goldens: readonly string[];
  /** Digest of what the compiler wrote about the files. */
  readonly report?: string | undefined;
}

/** A stored version; times in Unix milliseconds. */
export interface Version {
  readonly name: string;
  readonly version: string;
  /** Digest of what was pushed. */
  readonly content: string;
  readonly manifest: string;
  readonly manifestBytes: number;
  readonly task: string;
  readonly licence: string | null;
  /** Sum over the model's files. */
  readonly bytes: number;
  readonly warnings: readonly string[];
  readonly createdAt: number;
  readonly createdBy: string;
}

/** A blob a version needs, and as what. */
export interface VersionBlob {
  readonly digest: string;
  readonly bytes: number;
  readonly role: "manifest" | "variant" | "golden" | "report";
}

/**
 * Digest of what was pushed, equal for equal pushes. Where the images lay on somebody's disk does
 * not count, and neither does what the compiler says about the files.
 */
export function contentOf({ spec, model, variants, goldens }: Push): string {
  const { golden: _paths, ...said } = spec;
  // Without variants the digest is what it was before there were any.
  const several = variants.length === 0 ? {} : { variants };
  return sha256Of(canonicalJson({ spec: said, model, goldens, ...several }));
}

export interface BuiltManifest {
  readonly document: ModelManifest;
  /** Canonical JSON in UTF-8: what devices download and digests name. */
  readonly bytes: Uint8Array;
  readonly digest: string;
}

/** A file that has been tried out. */
export interface TriedFile {
  readonly variant: Fits["variant"];
  readonly blob: { readonly digest: string; readonly bytes: number };
  /** To its golden images. */
  readonly answers: readonly TrialAnswer[];
}
type Fits = Extract<TrialReport, { kind: "fits" }>;

/** The canonical manifest of a version; its files keep their order. */
export function buildManifest(
  manifest: Fits["manifest"],
  files: readonly TriedFile[],
  report?: NonNullable<ModelManifest["report"]>,
): BuiltManifest {
  const variants = files.map(({ variant, blob, answers }) => {
    const { digest, bytes } = blob;
    const goldens = answers.map((answer) => goldenOf(answer, goldenTolerance[variant.kind]));
    return { ...variant, digest, bytes, goldens };
  });
  const document = { ...manifest, variants, ...(report === undefined ? {} : { report }) };
  const bytes = new TextEncoder().encode(canonicalJson(document));
  return { document, bytes, digest: sha256Of(bytes) };
}

/** What the trial answered is what devices must answer. */
function goldenOf(answer: TrialAnswer, tolerance: number): Golden {
  return { ...answer, confidence: Math.round(answer.confidence * 1e4) / 1e4, tolerance };
}

/**
 * The answers that make the steadiest questions: a classifier's surest ones. A detector finds
 * nothing in a picture of shapes, and does so everywhere.
 */
export function steadiest(answers: readonly TrialAnswer[], count: number): readonly TrialAnswer[] {
  return answers
    .toSorted((a, b) => {
      if (a.detections !== null && b.detections !== null) return a.detections - b.detections;
      return b.confidence - a.confidence;
    })
    .slice(0, count);
}

/** A warning per golden image on which a classifier is unsure. */
export function unsureWarnings(answers: readonly TrialAnswer[]): string[] {
  return answers
    .filter(({ label, confidence }) => label !== null && confidence < unsureConfidence)
    .map(
      ({ image, label, confidence }) =>
        `golden image ${image.slice(0, 12)} gives "${label}" with a confidence of only ${confidence.toFixed(2)}, and may give another class on another processor: choose a clearer picture`,
    );
}

/** How a file's answers differ from those of the file it is compared with. */
export interface Disagreement {
  readonly message: string;
  /** Whether the file compared with is sure of its answer, and the other one so plainly wrong. */
  readonly plain: boolean;
}

/**
 * Compares answers to the same pictures: the top class of a classifier, the number of detections of
 * a detector.
 */
export function disagreements(
  answers: readonly TrialAnswer[],
  reference: readonly TrialAnswer[],
): Disagreement[] {
  return reference.flatMap((expected) => {
    const found = answers.find(({ image }) => image === expected.image);
    if (found === undefined) return [];
    if (found.label === expected.label && found.detections === expected.detections) return [];
    const sides = [found, expected].map(({ label, detections, confidence }) =>
      label === null
        ? `${detections} detections`
        : `"${label}" with a confidence of ${confidence.toFixed(2)}`,
    );
    return {
      message: `golden image ${expected.image.slice(0, 12)} gives ${sides[0]}, and ${sides[1]} by the model it is compared with`,
      plain: expected.label !== null && expected.confidence >= unsureConfidence,
    };
  });
}

/** A warning where a licence may bind whoever ships the model inside a product. */
export function copyleftWarning(licence: string | null): string | undefined {
  if (licence === null || /agpl/i.test(licence) || !/\b(l?gpl|sspl|cc-by-nc)/i.test(licence))
    return undefined; // completing the spec has warned of AGPL and of no licence at all
  return `the model's licence is "${licence}": read what it asks of whoever ships or sells devices that carry the model`;
}

/** A warning where the labels are not those of the version before. */
export function labelWarning(
  labels: readonly string[],
  earlier: { readonly version: string; readonly labels: readonly string[] } | undefined,
): string | undefined {
  if (earlier === undefined) return undefined;
  const gone = earlier.labels.filter((label) => !labels.includes(label));
  const fresh = labels.filter((label) => !earlier.labels.includes(label));
  if (gone.length === 0 && fresh.length === 0) return undefined;
  const part = (verb: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${verb} ${names.slice(0, 5).join(", ")}${more(names.length - 5)}`];
  const changes = [...part("adds", fresh), ...part("lacks", gone)].join(" and ");
  return `compared with ${earlier.version} this version ${changes}: whatever counts classes sees that`;
}

/** Highest version first. */
export function byVersion<V extends { readonly version: string }>(versions: readonly V[]): V[] {
  return versions.toSorted((a, b) => compareVersions(b.version, a.version));
}

/** `1.2.0, 1.1.0 and 3 more`, for a sentence. */
export function listed(names: readonly string[], shownMax = 10): string {
  return `${names.slice(0, shownMax).join(", ")}${more(names.length - shownMax)}`;
}

function more(count: number): string {
  return count > 0 ? ` and ${count} more` : "";
}
