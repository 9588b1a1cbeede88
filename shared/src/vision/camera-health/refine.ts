/** From about right to a tenth of a pixel. */
import type { Grey } from "./flatten.ts";
import { centreOf, displacementOf, drawnBack, type Similarity } from "./similarity.ts";

const roundsMax = 15;
/** Steps that move the picture by less than this end the search, pixels of the thumbnail. */
const settledPixels = 0.01;
/** Differences of this size count half: what moved in the scene must not pull. */
const outlierScale = 0.6;

/**
 * Gauss-Newton on the squared differences (Lucas and Kanade 1981; the weights of Cauchy for
 * outliers), with the mean of both pictures' gradients (Malis 2004), for shift, turn and scale.
 */
export function refined(was: Grey, now: Grey, start: Similarity): Similarity {
  let best = start;
  for (let round = 0; round < roundsMax; round++) {
    const step = stepFrom(was, drawnBack(now, best));
    if (step === undefined) return best;
    best = {
      tx: best.tx + step.tx,
      ty: best.ty + step.ty,
      a: Math.min(0.2, Math.max(-0.2, best.a + step.a)),
      b: Math.min(0.3, Math.max(-0.3, best.b + step.b)),
    };
    if (displacementOf(step, was.width, was.height) < settledPixels) return best;
  }
  return best;
}

/** One weighted least-squares step; `undefined` where the picture has too little structure. */
function stepFrom(was: Grey, now: Grey): Similarity | undefined {
  const { width, height } = was;
  const centre = centreOf(was);
  const matrix = new Float64Array(16);
  const right = new Float64Array(4);
  const row = new Float64Array(4);
  for (let y = 2; y < height - 2; y++) {
    for (let x = 2 + (y & 1); x < width - 2; x += 2) {
      const i = y * width + x;
      const error = (now.values[i] ?? 0) - (was.values[i] ?? 0);
      const gx = (slope(was.values, i, 1) + slope(now.values, i, 1)) / 2;
      const gy = (slope(was.values, i, width) + slope(now.values, i, width)) / 2;
      if (Number.isNaN(error + gx + gy)) continue;
      const weight = 1 / (1 + (error / outlierScale) ** 2);
      const [u, v] = [x - centre.x, y - centre.y];
      row[0] = gx;
      row[1] = gy;
      row[2] = gx * u + gy * v;
      row[3] = gy * u - gx * v;
      for (let p = 0; p < 4; p++) {
        const weighed = weight * (row[p] ?? 0);
        right[p] = (right[p] ?? 0) - weighed * error;
        for (let q = p; q < 4; q++) {
          matrix[4 * p + q] = (matrix[4 * p + q] ?? 0) + weighed * (row[q] ?? 0);
        }
      }
    }
  }
  const step = solved(matrix, right);
  return step === undefined
    ? undefined
    : { tx: step[0] ?? 0, ty: step[1] ?? 0, a: step[2] ?? 0, b: step[3] ?? 0 };
}

function slope(values: Float32Array, i: number, stride: number): number {
  return ((values[i + stride] ?? 0) - (values[i - stride] ?? 0)) / 2;
}

/** Solves the symmetric 4 x 4 system whose upper half is given (Cholesky). */
function solved(upper: Float64Array, right: Float64Array): Float64Array | undefined {
  const n = 4;
  const l = new Float64Array(n * n);
  const at = (i: number, j: number) => l[n * i + j] ?? 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = upper[n * j + i] ?? 0;
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      if (i === j && sum <= 1e-9 * (upper[n * i + i] ?? 0)) return undefined;
      l[n * i + j] = i === j ? Math.sqrt(sum) : sum / at(j, j);
    }
  }
  const x = Float64Array.from(right);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] = (x[i] ?? 0) - at(i, k) * (x[k] ?? 0);
    x[i] = (x[i] ?? 0) / at(i, i);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] = (x[i] ?? 0) - at(k, i) * (x[k] ?? 0);
    x[i] = (x[i] ?? 0) / at(i, i);
  }
  return x.every(Number.isFinite) ? x : undefined;
}
