/** How often a device asks the cloud, and why, as rows. Pure. */
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import { enCameras } from "../../text/en-cameras.ts";
import type { Tone } from "../../ui/glyph.tsx";

export type Routing = NonNullable<ReportedState["routing"]>;

export interface CountRow {
  readonly key: string;
  readonly text: string;
  readonly tone: Tone;
  readonly count: number;
}

const texts: Readonly<Record<string, string>> = enCameras;
/** A reason of a newer agent keeps its own name. */
const textOf = (key: string, name: string): string =>
  Object.hasOwn(texts, key) ? (texts[key] ?? name) : name;

/** Why frames stayed or went, the most frequent first. */
export function reasonRows({ local, offload }: Routing): readonly CountRow[] {
  const rows = (counts: Readonly<Record<string, number>>, kind: "local" | "offload", tone: Tone) =>
    Object.entries(counts).map(([name, count]) => ({
      key: `${kind}-${name}`,
      text: textOf(`hybrid.${kind}.${name}`, name),
      tone: kind === "local" && name !== "easy" ? ("warn" as const) : tone,
      count,
    }));
  return [...rows(local, "local", "ok"), ...rows(offload, "offload", "info")].sort(
    (a, b) => b.count - a.count,
  );
}

const callTones: Readonly<Record<string, Tone>> = { answered: "ok", late: "info", gone: "info" };

/** What became of the calls, the most frequent first. */
export function callRows({ calls }: Routing): readonly CountRow[] {
  return Object.entries(calls)
    .map(([name, count]) => ({
      key: name,
      text: textOf(`hybrid.call.${name}`, name),
      tone: callTones[name] ?? ("warn" as const),
      count,
    }))
    .sort((a, b) => b.count - a.count);
}

export interface BinRow {
  readonly from: number;
  readonly to: number;
  readonly frames: number;
  readonly offloaded: number;
  /** Share of compared frames on which both models agree; `null` where none was compared. */
  readonly agreement: number | null;
}

/** Bins of hardness in which there were frames, from easy to hard. */
export function binRows({ bins }: Routing): readonly BinRow[] {
  return bins
    .map(({ frames, offloaded, compared, agreed }, i) => ({
      from: i / bins.length,
      to: (i + 1) / bins.length,
      frames,
      offloaded,
      agreement: compared === 0 ? null : agreed / compared,
    }))
    .filter(({ frames }) => frames > 0);
}
