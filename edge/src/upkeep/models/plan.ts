/**
 * What to do next on the way from what is on disk to the model that is wanted. Pure: the executors in
 * `updater.ts` carry out one step, look at the disk again and ask again, so that a crash anywhere
 * walks the same way and skips what is done.
 *
 *   manifest → blobs → try (self-test, switch) → probation → done
 *       └────────┴────────┴─ fails ─> give up    └─ fails ─> restore the previous model
 */
import type { BlobRef } from "@fieldloop/shared/messages/control";

/** What is known about the slot of the wanted model. */
export interface SlotFacts {
  /** Whether the manifest is there (it is only kept when its digest is right). */
  readonly manifest: boolean;
  /** Files of the chosen variant that are not there yet, in the order in which they are needed. */
  readonly missing: readonly BlobRef[];
}

/** Where the update to the wanted model stands, as the journal says. */
export interface Progress {
  /** Times a self-test was begun: one that ends the process never says that it failed. */
  readonly testStarts: number;
  /** Times the agent was started during probation, for the same reason. */
  readonly probationStarts: number;
  readonly probation: "none" | "running" | "passed" | "failed";
  /** Downloads whose digest was wrong. */
  readonly corrupt: number;
  /** Final: not tried again until another model is wanted. */
  readonly givenUp: boolean;
}

export interface UpdateState {
  /** Manifest digests. */
  readonly current: string | null;
  readonly previous: string | null;
  /** Manifest digest of the model that the engine holds. */
  readonly loaded: string | null;
  readonly slot: SlotFacts;
  readonly progress: Progress;
}

export type Step =
  | { readonly kind: "none" }
  | { readonly kind: "fetch-manifest" }
  | { readonly kind: "fetch-blob"; readonly blob: BlobRef }
  /** Load, ask the golden questions, move the pointer, switch. */
  | { readonly kind: "try" }
  /** Load the current model again, after a start or a switch back. */
  | { readonly kind: "load-current" }
  | { readonly kind: "give-up"; readonly reason: string }
  | { readonly kind: "restore"; readonly reason: string }
  /** Remove what is neither current nor previous. */
  | { readonly kind: "finish" };

/** How often something is tried before it is given up. */
export const attemptsMax = { tests: 2, probations: 3, downloads: 3 } as const;

export const noProgress: Progress = {
  testStarts: 0,
  probationStarts: 0,
  probation: "none",
  corrupt: 0,
  givenUp: false,
};

/** @param target manifest digest of the wanted model, `null` for none in particular */
export function nextStep(state: UpdateState, target: string | null): Step {
  const { current, loaded, progress, slot } = state;
  if (target === null || (progress.givenUp && current !== target)) return keep(state);
  if (current === target) return onProbation(state);
  if (progress.corrupt >= attemptsMax.downloads)
    return giveUp(`a download arrived damaged ${progress.corrupt} times`);
  if (progress.testStarts >= attemptsMax.tests)
    return giveUp(`the agent ended ${progress.testStarts} times while testing it`);
  // The model in use comes first: a camera must not wait for a download.
  if (current !== null && loaded !== current) return { kind: "load-current" };
  if (!slot.manifest) return { kind: "fetch-manifest" };
  const [blob] = slot.missing;
  if (blob !== undefined) return { kind: "fetch-blob", blob };
  return { kind: "try" };
}

function keep({ current, loaded }: UpdateState): Step {
  return current !== null && loaded !== current ? { kind: "load-current" } : { kind: "none" };
}

function onProbation(state: UpdateState): Step {
  const { progress, loaded, current } = state;
  if (progress.probation === "failed")
    return { kind: "restore", reason: "it failed on the first live frames" };
  if (progress.probation === "running" && progress.probationStarts >= attemptsMax.probations)
    return {
      kind: "restore",
      reason: `the agent ended ${progress.probationStarts} times during its first live frames`,
    };
  if (loaded !== current) return { kind: "load-current" };
  return progress.probation === "passed" ? { kind: "finish" } : { kind: "none" };
}

function giveUp(reason: string): Step {
  return { kind: "give-up", reason };
}
