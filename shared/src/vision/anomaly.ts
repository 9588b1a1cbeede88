/**
 * How unusual a picture is: the distance of its embedding from a bank of usual ones, as in PatchCore
 * (Roth et al., "Towards Total Recall in Industrial Anomaly Detection", 2022) on whole pictures. Pure.
 */
import type { ModelOutput } from "../manifest/model.ts";

export type EmbeddingOutput = Extract<ModelOutput, { kind: "embedding" }>;
export type Metric = EmbeddingOutput["metric"];

type Vector = ArrayLike<number>;

/** Distance of two vectors: 1 − cosine (0 to 2), or Euclidean. */
export function distanceOf(a: Vector, b: Vector, metric: Metric): number {
  let [dot, aa, bb, square] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? 0, b[i] ?? 0];
    dot += x * y;
    aa += x * x;
    bb += y * y;
    square += (x - y) * (x - y);
  }
  if (metric === "euclidean") return Math.sqrt(square);
  const lengths = Math.sqrt(aa * bb);
  return lengths === 0 ? 1 : Math.max(0, 1 - dot / lengths);
}

/** Mean distance to the nearest `neighbours` of a bank. */
export function anomalyOf(
  embedding: Vector,
  bank: readonly Vector[],
  { metric, neighbours }: Pick<EmbeddingOutput, "metric" | "neighbours">,
): number {
  const nearest = bank
    .map((usual) => distanceOf(embedding, usual, metric))
    .sort((a, b) => a - b)
    .slice(0, neighbours);
  return nearest.reduce((sum, distance) => sum + distance, 0) / nearest.length;
}

/** Probability-like number for a distance: one half at the threshold, steeper for a small spread. */
export function anomalyConfidence(
  distance: number,
  { threshold, spread }: Pick<EmbeddingOutput, "threshold" | "spread">,
): number {
  return 1 / (1 + Math.exp(-(distance - threshold) / spread));
}

/** The bank of a manifest as vectors. */
export function readBank({ vectors, dims, scale }: EmbeddingOutput["bank"]): Float32Array[] {
  const bytes = Uint8Array.from(atob(vectors), (character) => character.charCodeAt(0));
  const values = new Int8Array(bytes.buffer);
  return Array.from({ length: Math.floor(values.length / dims) }, (_, i) =>
    Float32Array.from(values.subarray(i * dims, (i + 1) * dims), (value) => value * scale),
  );
}

/**
 * Chooses the vectors that represent all others best: greedily the one farthest from those chosen so
 * far (k-centre, Gonzalez 1985), beginning with the one nearest to the mean.
 * @param size at most so many
 * @returns the bank as a manifest holds it: 8-bit numbers of one scale
 * @throws RangeError where there are no embeddings
 */
export function buildBank(
  embeddings: readonly Vector[],
  { size, metric }: { readonly size: number; readonly metric: Metric },
): EmbeddingOutput["bank"] {
  const dims = embeddings[0]?.length ?? 0;
  if (dims === 0) throw new RangeError("a bank is built from at least one embedding");
  const mean = Float64Array.from({ length: dims }, (_, i) =>
    embeddings.reduce((sum, vector) => sum + (vector[i] ?? 0) / embeddings.length, 0),
  );
  const chosen: Vector[] = [];
  let next = indexOfLeast(embeddings.map((vector) => distanceOf(vector, mean, metric)));
  const away = embeddings.map(() => Number.POSITIVE_INFINITY);
  while (chosen.length < Math.min(size, embeddings.length)) {
    const centre = embeddings[next] ?? mean;
    chosen.push(centre);
    embeddings.forEach((vector, i) => {
      away[i] = Math.min(away[i] ?? 0, distanceOf(vector, centre, metric));
    });
    next = indexOfLeast(away.map((distance) => -distance));
    if ((away[next] ?? 0) === 0) break; // only what is there already is left
  }
  return pack(chosen, dims);
}

/** Threshold and spread that call the given share of usual pictures unusual. */
export function fitThreshold(
  usual: readonly number[],
  { falseAlarmShare }: { readonly falseAlarmShare: number },
): Pick<EmbeddingOutput, "threshold" | "spread"> {
  const sorted = [...usual].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? 0;
  const threshold = at(1 - falseAlarmShare);
  // The usual ones' own width says how much a step beyond the threshold means.
  const width = threshold - at(0.5);
  return { threshold, spread: Math.max(width / 4, threshold * 1e-3, 1e-6) };
}

function pack(vectors: readonly Vector[], dims: number): EmbeddingOutput["bank"] {
  const largest = Math.max(...vectors.flatMap((vector) => Array.from(vector, Math.abs)));
  const scale = largest > 0 ? largest / 127 : 1;
  const values = Int8Array.from(
    vectors.flatMap((vector) => Array.from(vector, (value) => Math.round(value / scale))),
  );
  const characters = Array.from(new Uint8Array(values.buffer), (byte) => String.fromCharCode(byte));
  return { dims, scale, vectors: btoa(characters.join("")) };
}

function indexOfLeast(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value < (values[best] ?? value) ? i : best), 0);
}
