/** What became of a camera's frames, as rows. Pure. */
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import { td } from "../../text/t-devices.ts";
import type { Tone } from "../../ui/glyph.tsx";

export type CameraPipeline = NonNullable<ReportedState["cameras"][number]["pipeline"]>;

export interface OutcomeRow {
  readonly key: string;
  readonly text: string;
  readonly tone: Tone;
  readonly frames: number;
  /** Of all frames, 0 to 1. */
  readonly share: number;
}

const drops = {
  busy: td("pipeline.drop.busy"),
  stale: td("pipeline.drop.stale"),
  rate: td("pipeline.drop.rate"),
  still: td("pipeline.drop.still"),
  oversized: td("pipeline.drop.oversized"),
  stopping: td("pipeline.drop.stopping"),
} as const;
const errors = {
  decode: td("pipeline.error.decode"),
  inference: td("pipeline.error.inference"),
  source: td("pipeline.error.source"),
} as const;
const unwanted: readonly string[] = ["rate", "still"];

/** Results first, then losses and failures by their number. Causes of a newer agent keep their name. */
export function outcomeRows(pipeline: CameraPipeline): readonly OutcomeRow[] {
  const row = (key: string, text: string, tone: Tone, frames: number): OutcomeRow => ({
    key,
    text,
    tone,
    frames,
    share: pipeline.frames === 0 ? 0 : frames / pipeline.frames,
  });
  const known = <T extends object>(texts: T, cause: string): string | undefined =>
    Object.hasOwn(texts, cause) ? String(texts[cause as keyof T]) : undefined; // just checked
  const lost = [
    ...Object.entries(pipeline.dropped).map(([cause, frames]) => {
      const text = known(drops, cause) ?? td("pipeline.drop.other", { cause });
      return row(`drop-${cause}`, text, unwanted.includes(cause) ? "info" : "warn", frames);
    }),
    ...Object.entries(pipeline.errors).map(([cause, frames]) => {
      const text = known(errors, cause) ?? td("pipeline.error.other", { cause });
      return row(`error-${cause}`, text, "critical", frames);
    }),
  ].sort((a, b) => b.frames - a.frames);
  return [
    row("result", td("pipeline.result"), "ok", pipeline.results),
    ...lost,
    row("under-way", td("pipeline.underWay"), "unknown", pipeline.underWay),
  ];
}

const stageTexts = {
  wait: td("pipeline.stage.wait"),
  decode: td("pipeline.stage.decode"),
  tensor: td("pipeline.stage.tensor"),
  infer: td("pipeline.stage.infer"),
  post: td("pipeline.stage.post"),
  total: td("pipeline.stage.total"),
} as const;

export interface StageRow {
  readonly stage: string;
  readonly text: string;
  readonly p50: number;
  readonly p95: number;
}

/** The stages in the order a frame goes through them. */
export function stageRows({ stagesMs }: CameraPipeline): readonly StageRow[] {
  return Object.entries(stageTexts).flatMap(([stage, text]) => {
    const times = stagesMs[stage];
    return times === undefined ? [] : [{ stage, text, ...times }];
  });
}
