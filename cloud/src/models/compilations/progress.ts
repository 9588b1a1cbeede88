import type { Compilation } from "@fieldloop/shared/contract/compilations";

type Progress = Pick<Compilation, "stage" | "share">;

/** Shortest time between two words on how far a compilation is. */
const everyMs = 1000;

export interface ProgressWriter {
  /** Takes note; what was said before and not written yet is forgotten. */
  offer(progress: Progress): void;
  /** Waits until nothing is written any more; what has not been written is dropped. */
  end(): Promise<void>;
}

/** Writes the newest progress, one after another, at once where the stage is a new one. */
export function createProgressWriter(
  write: (progress: Progress) => Promise<void>,
  intervalMs = everyMs,
): ProgressWriter {
  let newest: Progress | undefined;
  let writtenStage: string | null = null;
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (newest === undefined || ended) return;
    const progress = newest;
    newest = undefined;
    writtenStage = progress.stage;
    writing = write(progress).finally(() => {
      writing = undefined;
      if (!ended) arm();
    });
  };
  const arm = () => {
    if (newest !== undefined && newest.stage !== writtenStage) flush();
    else timer ??= setTimeout(flush, intervalMs);
  };
  return {
    offer: (progress) => {
      newest = progress;
      if (
        writing === undefined &&
        !ended &&
        (timer === undefined || progress.stage !== writtenStage)
      )
        arm();
    },
    end: async () => {
      ended = true;
      clearTimeout(timer);
      await writing;
    },
  };
}
