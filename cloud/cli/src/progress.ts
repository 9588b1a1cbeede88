import type { Io } from "./io.ts";
import { bytesText } from "./text.ts";

const barWidth = 24;
const redrawMs = 100;

/** One line that says how far a transfer is; `total` of 0 counts as done. */
export function progressLine(label: string, done: number, total: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const full = Math.floor(share * barWidth);
  const bar = "#".repeat(full) + ".".repeat(barWidth - full);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  return `${label}  [${bar}] ${percent}  ${bytesText(done)} of ${bytesText(total)}`;
}

export interface Progress {
  add(bytes: number): void;
  end(): void;
}

/** Draws a progress line on standard error; silent where that is no terminal. */
export function startProgress(io: Io, label: string, totalBytes: number, quiet: boolean): Progress {
  if (quiet || !io.errIsTty) return { add: () => undefined, end: () => undefined };
  let done = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const draw = () => io.err(`\r${progressLine(label, done, totalBytes)}\u001b[K`);
  return {
    add(bytes) {
      done += bytes;
      if (io.now() - drawnAt < redrawMs) return;
      drawnAt = io.now();
      draw();
    },
    end() {
      draw();
      io.err("\n");
    },
  };
}
