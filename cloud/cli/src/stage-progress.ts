import type { Io } from "./io.ts";

const barWidth = 24;
const redrawMs = 100;

/** One line that says how far a stage of work is; `share` from 0 to 1. */
export function stageLine(stage: string, share: number): string {
  const full = Math.floor(Math.min(1, Math.max(0, share)) * barWidth);
  const bar = "#".repeat(full) + ".".repeat(barWidth - full);
  return `${stage.padEnd(12)} [${bar}] ${`${Math.floor(share * 100)} %`.padStart(5)}`;
}

export interface StageProgress {
  at(stage: string, share: number): void;
  end(): void;
}

/**
 * Tells on standard error how long work in stages is: a line that is redrawn on a terminal, elsewhere
 * one line per stage. Silent under `quiet`.
 */
export function startStages(io: Io, quiet: boolean): StageProgress {
  let current: string | undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const leave = (): void => {
    if (current !== undefined && io.errIsTty) io.err(`\r${stageLine(current, 1)}\u001b[K\n`);
  };
  if (quiet) return { at: () => undefined, end: () => undefined };
  return {
    at(stage, share) {
      const isNew = stage !== current;
      if (isNew) {
        leave();
        current = stage;
        if (!io.errIsTty) io.err(`${stage}\n`);
      }
      if (!io.errIsTty || (!isNew && io.now() - drawnAt < redrawMs)) return;
      drawnAt = io.now();
      io.err(`\r${stageLine(stage, share)}\u001b[K`);
    },
    end() {
      leave();
      current = undefined;
    },
  };
}
