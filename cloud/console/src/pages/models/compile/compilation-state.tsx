import type { Compilation, CompilationState } from "@fieldloop/shared/contract/compilation";
import { formatProgress } from "../../../text/format.ts";
import { tc } from "../../../text/t-compile.ts";
import { Status, type Tone } from "../../../ui/glyph.tsx";

const tones: Readonly<Record<CompilationState, Tone>> = {
  queued: "unknown",
  running: "info",
  succeeded: "ok",
  failed: "critical",
  cancelled: "unknown",
};

/** The state in a word; of a running one the stage, and how far that is. */
export function CompilationStatus({ of }: { readonly of: Compilation }) {
  const { state, stage, share } = of;
  return (
    <Status tone={tones[state]}>
      {state === "running" && stage !== null
        ? tc("state.runningStage", {
            stage: tc(`stage.${stage}`),
            share: formatProgress(share, 1),
          })
        : tc(`state.${state}`)}
    </Status>
  );
}
