/** What became of a camera's frames, as rows. Pure. */
import { isUnwanted } from "@fieldloop/shared/messages/telemetry";
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import { tv } from "../../text/t-cameras.ts";
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
  busy: tv("pipeline.drop.busy"),
  stale: tv("pipeline.drop.stale"),
  rate: tv("pipeline.drop.rate"),
  still: tv("pipeline.drop.still"),
  oversized: tv("pipeline.drop.oversized"),
  stopping: tv("pipeline.drop.stopping"),
} as const;
const errors = {
  decode: tv("pipeline.error.decode"),
  inference: tv("pipeline.error.inference"),
  source: tv("pipeline.error.source"),
} as const;

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
      const text = known(drops, cause) ?? tv("pipeline.drop.other", { cause });
      return row(`drop-${cause}`, text, isUnwanted(cause) ? "info" : "warn", frames);
    }),
    ...Object.entries(pipeline.errors).map(([cause, frames]) => {
      const text = known(errors, cause) ?? tv("pipeline.error.other", { cause });
      return row(`error-${cause}`, text, "critical", frames);
    }),
  ].sort((a, b) => b.frames - a.frames);
  return [
    row("result", tv("pipeline.result"), "ok", pipeline.results),
    ...lost,
    row("under-way", tv("pipeline.underWay"), "unknown", pipeline.underWay),
  ];
}

const stageTexts = {
  wait: tv("pipeline.stage.wait"),
  decode: tv("pipeline.stage.decode"),
  tensor: tv("pipeline.stage.tensor"),
  infer: tv("pipeline.stage.infer"),
  post: tv("pipeline.stage.post"),
  total: tv("pipeline.stage.total"),
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
