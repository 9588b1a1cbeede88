/** The class of an object by vote: calibrated confidences added up over its frames. Pure. */
import * as z from "zod/mini";
import { trackingLimits } from "./settings.ts";

const weight = z.number().check(z.gte(0));
const label = z.string().check(z.minLength(1), z.maxLength(128));

/** Confidence by class, in the order of first mention. */
export const votesSchema = z.object({
  byLabel: z.array(z.tuple([label, weight])).check(z.maxLength(trackingLimits.votedLabelsMax)),
  /** Confidence of classes that no longer fitted. */
  other: weight,
});
export type Votes = z.infer<typeof votesSchema>;

/** A vote's outcome. */
export interface Verdict {
  readonly label: string;
  /** The class's part of all confidence, 0 to 1. */
  readonly share: number;
  /** Its lead over the next class, as a part of all confidence, 0 to 1. */
  readonly margin: number;
}

export const noVotes: Votes = { byLabel: [], other: 0 };

/** Adds one opinion. */
export function vote(votes: Votes, label: string, confidence: number): Votes {
  const { byLabel, other } = votes;
  const known = byLabel.findIndex(([name]) => name === label);
  if (known >= 0) {
    return { byLabel: byLabel.map((e, i) => (i === known ? [e[0], e[1] + confidence] : e)), other };
  }
  return byLabel.length < trackingLimits.votedLabelsMax
    ? { byLabel: [...byLabel, [label, confidence]], other }
    : { byLabel, other: other + confidence };
}

/** Adds the opinions of one vote to another. */
export function mergeVotes(a: Votes, b: Votes): Votes {
  const merged = b.byLabel.reduce((votes, [name, sum]) => vote(votes, name, sum), a);
  return { byLabel: merged.byLabel, other: merged.other + b.other };
}

/** Who leads; of equals the first by code units, so that it is the same everywhere. */
export function verdictOf(votes: Votes): Verdict {
  const ranked = [...votes.byLabel].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const total = ranked.reduce((sum, [, confidence]) => sum + confidence, votes.other);
  const [first = ["", 0] as const, second] = ranked;
  if (!(total > 0)) return { label: first[0], share: 0, margin: 0 };
  return {
    label: first[0],
    share: first[1] / total,
    margin: (first[1] - (second?.[1] ?? 0)) / total,
  };
}

/** A class's part of all confidence, 0 to 1. */
export function shareOf(votes: Votes, label: string): number {
  const total = votes.byLabel.reduce((sum, [, confidence]) => sum + confidence, votes.other);
  const own = votes.byLabel.find(([name]) => name === label)?.[1] ?? 0;
  return total > 0 ? own / total : 0;
}
