import { type Compilation, compileStages } from "@fieldloop/shared/contract/compilation";
import { formatProgress } from "../../../text/format.ts";
import { tc } from "../../../text/t-compile.ts";
import { Card } from "../../../ui/card.tsx";
import { Glyph, type Tone } from "../../../ui/glyph.tsx";
import { Meter } from "../../../ui/meter.tsx";
import css from "./compile.module.css";

type StageState = "done" | "now" | "waiting";
const tones: Readonly<Record<StageState, Tone>> = { done: "ok", now: "info", waiting: "unknown" };

/** Where an open compilation is. Stages take very different times, so there is no bar of the whole. */
export function StagesCard({ compilation }: { readonly compilation: Compilation }) {
  const { state, stage, share } = compilation;
  if (state === "queued")
    return (
      <Card title={tc("one.progress")}>
        <p role="status">{tc("one.queued")}</p>
      </Card>
    );
  const at = stage === null ? 0 : compileStages.indexOf(stage);
  return (
    <Card title={tc("one.progress")}>
      <ol className={css.stages}>
        {compileStages.map((one, i) => {
          const how: StageState = i < at ? "done" : i === at ? "now" : "waiting";
          const text = tc(`stage.${one}`);
          return (
            <li key={one} data-state={how} aria-current={how === "now" ? "step" : undefined}>
              <Glyph tone={tones[how]} />
              <span>
                {text}
                <span className="visually-hidden">, {tc(`stageState.${how}`)}</span>
              </span>
              {how === "now" ? (
                <Meter value={share} max={1} label={text}>
                  {formatProgress(share, 1)}
                </Meter>
              ) : null}
            </li>
          );
        })}
      </ol>
    </Card>
  );
}
