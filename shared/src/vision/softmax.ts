/**
 * Probabilities from logits, computed stably by subtracting the largest one first.
 * @param logits any finite numbers, at least one
 * @param temperature divisor of the logits (Guo et al., "On Calibration of Modern Neural Networks",
 *   2017); above 1 the result is less certain, 1 leaves it as it is
 */
export function softmax(logits: ArrayLike<number>, temperature = 1): Float64Array {
  const result = new Float64Array(logits.length);
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) highest = Math.max(highest, logits[i] ?? 0);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const value = Math.exp(((logits[i] ?? 0) - highest) / temperature);
    result[i] = value;
    sum += value;
  }
  for (let i = 0; i < result.length; i++) result[i] = (result[i] ?? 0) / sum;
  return result;
}
