/** Which of the files that were made are published, in which order, and why. Pure but for the measuring. */
import type { LatencyComparison } from "@fieldloop/shared/manifest/latency";
import type { Candidate } from "./candidates.ts";
import { judgeGain, measureGain } from "./gain.ts";
import type { Ground } from "./ground.ts";
import { percent, points } from "./report-text.ts";

export interface Verdict {
  readonly candidate: Candidate;
  readonly published: boolean;
  /** One or two sentences with the numbers. */
  readonly because: string;
  /** `null` where it was not worth measuring. */
  readonly latency: LatencyComparison | null;
}

const names: Readonly<Record<Candidate["kind"], string>> = {
  float32: "The float model",
  float16: "The 16-bit float model",
  int8: "The 8-bit model",
  "int8-reduced": "The model with 7-bit weights",
  "int8-dynamic": "The dynamically quantised model",
};

export interface Rules {
  /** Of the float file that everything is compared with. */
  readonly float: Candidate;
  readonly lossPointsMax: number;
  readonly pairs?: number | undefined;
}

/** Judges every candidate; those within the budget are measured. Best first, as devices try them. */
export async function judgeAll(
  ground: Ground,
  made: readonly Candidate[],
  rules: Rules,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [i, candidate] of made.entries()) {
    ground.progress("measuring", i / made.length);
    verdicts.push(await judgeOne(ground, candidate, rules));
  }
  if (made.length > 0) ground.progress("measuring", 1);
  return verdicts.sort((a, b) => rank(a) - rank(b));
}

async function judgeOne(ground: Ground, candidate: Candidate, rules: Rules): Promise<Verdict> {
  const { judged, kind } = candidate;
  if (judged.lossPoints > rules.lossPointsMax + 1e-9)
    return {
      candidate,
      published: false,
      because: overSentence(ground, candidate, rules),
      latency: null,
    };
  const loss = `It loses ${points(judged.lossPoints)} points of ${ground.score.kind} (${percent(ground.score.overall)} to ${percent(judged.score.overall)}, ${ground.score.samples} pictures).`;
  if (kind === "float16") return judgeHalf(candidate, rules, loss);
  const { float } = rules;
  const latency = await measureGain(
    ground.subject(float.judged.bytes),
    ground.subject(judged.bytes),
    ground.evaluation,
    rules.pairs,
  );
  const gain = judgeGain(latency, float.judged.bytes.length, judged.bytes.length);
  if (gain.kind === "pays")
    return {
      candidate,
      published: true,
      because: `${names[kind]} is published. ${gain.because} ${loss}`,
      latency,
    };
  const because = `${names[kind]} is not published, since it does not pay. ${gain.because} ${loss}`;
  return { candidate, published: false, because, latency };
}

/** Nothing here can measure an accelerator, so size alone decides, and only accelerators take it. */
function judgeHalf(candidate: Candidate, { float }: Rules, loss: string): Verdict {
  const ratio = candidate.judged.bytes.length / float.judged.bytes.length;
  const published = ratio <= 0.6;
  const because = published
    ? `The 16-bit float model is published for accelerators, with ${ratio.toFixed(2)} of the float model's size; its speed there is not measured here. ${loss}`
    : `The 16-bit float model is not published: it has ${ratio.toFixed(2)} of the float model's size, and 0.60 is asked for. ${loss}`;
  return { candidate, published, because, latency: null };
}

function overSentence(
  { score }: Ground,
  { kind, judged, making }: Candidate,
  { lossPointsMax }: Rules,
): string {
  const lost =
    making.kind === "static"
      ? `${points(allIn(making.mix.trials) ?? judged.lossPoints)} points with every node in 8 bits, ${points(judged.lossPoints)} at best of ${making.mix.trials.length} mixes, and`
      : `${points(judged.lossPoints)} points, and`;
  return `${names[kind]} is not published, since it loses too much ${score.kind}: ${lost} ${points(lossPointsMax)} are allowed (${percent(score.overall)} as given, ${score.samples} pictures).`;
}

/** What is lost with nothing in float, at the best base. */
function allIn(
  trials: readonly { readonly float: readonly string[]; readonly lossPoints: number }[],
) {
  const all = trials.filter(({ float }) => float.length === 0);
  return all.length === 0 ? undefined : Math.min(...all.map(({ lossPoints }) => lossPoints));
}

/** Published first; accelerators' files before those of processors, then the faster. */
function rank({ candidate, published, latency }: Verdict): number {
  if (!published) return 1000;
  if (candidate.kind === "float16") return -1000;
  // A processor without the instructions takes the 7-bit file by itself; with them the full range is better.
  const narrow = candidate.kind === "int8-reduced" ? 100 : 0;
  return narrow - (latency?.ratioMedian ?? 0);
}
