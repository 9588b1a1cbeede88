/** The divisor of the logits that makes confidences honest (Guo et al. 2017), and how honest they are. */

/** Logits of one sample and the index of its true class. */
export interface Labelled {
  readonly scores: ArrayLike<number>;
  readonly truth: number;
}

export interface Calibration {
  readonly temperature: number;
  /** Mean negative log-likelihood in nats. */
  readonly nll: { readonly before: number; readonly after: number };
  /** Expected calibration error over 15 bins, 0 to 1. */
  readonly ece: { readonly before: number; readonly after: number };
}

const temperatureMin = 0.05;
const temperatureMax = 20;
const bins = 15;

/**
 * Finds the temperature of least negative log-likelihood.
 * @param current the temperature that "before" stands for
 */
export function fitTemperature(samples: readonly Labelled[], current = 1): Calibration {
  const nll = (logT: number): number => nllAt(samples, Math.exp(logT));
  const best = Math.exp(goldenSection(nll, Math.log(temperatureMin), Math.log(temperatureMax)));
  const temperature = Number(best.toFixed(3));
  return {
    temperature,
    nll: { before: nllAt(samples, current), after: nllAt(samples, temperature) },
    ece: { before: eceAt(samples, current), after: eceAt(samples, temperature) },
  };
}

/** Mean negative log-likelihood; convex in 1/temperature, so it has one minimum. */
export function nllAt(samples: readonly Labelled[], temperature: number): number {
  let sum = 0;
  for (const { scores, truth } of samples) {
    const logits = Array.from(scores, (score) => score / temperature);
    const top = Math.max(...logits);
    const total = logits.reduce((all, logit) => all + Math.exp(logit - top), 0);
    sum += Math.log(total) + top - (logits[truth] ?? Number.NEGATIVE_INFINITY);
  }
  return sum / samples.length;
}

/** Mean distance between confidence and share of right answers, by bins of equal width. */
export function eceAt(samples: readonly Labelled[], temperature: number): number {
  const table = Array.from({ length: bins }, () => ({ confidence: 0, right: 0 }));
  for (const { scores, truth } of samples) {
    const logits = Array.from(scores, (score) => score / temperature);
    const top = Math.max(...logits);
    const confidence = 1 / logits.reduce((all, logit) => all + Math.exp(logit - top), 0);
    const bin = table[Math.min(bins - 1, Math.floor(confidence * bins))];
    if (bin === undefined) continue;
    bin.confidence += confidence;
    if (logits.indexOf(top) === truth) bin.right++;
  }
  const gap = table.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.right), 0);
  return gap / samples.length;
}

function goldenSection(f: (x: number) => number, from: number, to: number): number {
  const part = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  for (let i = 0; i < 60; i++) {
    const [a, b] = [high - part * (high - low), low + part * (high - low)];
    if (f(a) < f(b)) high = b;
    else low = a;
  }
  return (low + high) / 2;
}
