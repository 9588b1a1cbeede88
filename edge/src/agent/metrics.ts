/** The agent's counters as Prometheus text (exposition format 0.0.4). */
import { quantile } from "@fieldloop/shared/sketches/histogram";
import type { CameraStats } from "../perception/pipeline-stats.ts";
import type { OutboxCounters, Usage } from "../reporting/outbox/limits.ts";

export interface MetricsInput {
  readonly model: string;
  readonly cameras: readonly { readonly name: string; readonly stats: CameraStats }[];
  readonly outbox: { readonly usage: Usage; readonly counters: Readonly<OutboxCounters> } | null;
  readonly link: {
    readonly online: boolean;
    readonly connects: number;
    readonly badMessages: number;
    readonly resent: number;
    readonly inFlight: number;
  } | null;
  readonly rssBytes: number;
  readonly uptimeS: number;
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export function metricsText(input: MetricsInput): string {
  const lines: string[] = [];
  const add = (name: string, type: string, help: string, samples: readonly Sample[]): void => {
    if (samples.length === 0) return;
    lines.push(`# HELP fieldloop_agent_${name} ${help}`, `# TYPE fieldloop_agent_${name} ${type}`);
    for (const [labels, value] of samples)
      lines.push(`fieldloop_agent_${name}${labelText(labels)} ${value}`);
  };
  const { cameras, outbox, link } = input;
  add("model_info", "gauge", "The model that runs.", [[{ model: input.model }, 1]]);
  add("frames_total", "counter", "Frames by what became of them.", cameras.flatMap(frames));
  add("latency_ms", "gauge", "Time of a frame by stage, since the start.", cameras.flatMap(times));
  if (outbox !== null) {
    const { usage, counters } = outbox;
    add("outbox_rows", "gauge", "Rows that wait for the cloud.", [[{}, usage.rows]]);
    add("outbox_bytes", "gauge", "What they weigh.", [[{}, usage.bytes]]);
    add("outbox_given_up_total", "counter", "Rows that were not sent, by cause.", [
      [{ cause: "lost" }, counters.lost],
      [{ cause: "evicted" }, counters.evicted],
      [{ cause: "quarantined" }, counters.quarantined],
    ]);
    add("outbox_disk_full_total", "counter", "Writes that met a full disk.", [
      [{}, counters.diskFull],
    ]);
  }
  if (link !== null) {
    add("link_online", "gauge", "1 while connected.", [[{}, link.online ? 1 : 0]]);
    add("link_connects_total", "counter", "Connections made.", [[{}, link.connects]]);
    add("link_bad_messages_total", "counter", "Messages from the broker that were refused.", [
      [{}, link.badMessages],
    ]);
    add("batches_resent_total", "counter", "Batches sent again.", [[{}, link.resent]]);
    add("batches_in_flight", "gauge", "Batches under way.", [[{}, link.inFlight]]);
  }
  add("resident_bytes", "gauge", "Resident memory.", [[{}, input.rssBytes]]);
  add("uptime_seconds", "gauge", "Since the start.", [[{}, input.uptimeS]]);
  return `${lines.join("\n")}\n`;
}

function frames({ name, stats }: MetricsInput["cameras"][number]): Sample[] {
  const of = (outcome: string, counts: Readonly<Record<string, number>>): Sample[] =>
    Object.entries(counts).map(([cause, n]) => [{ camera: name, outcome, cause }, n]);
  return [
    [{ camera: name, outcome: "result", cause: "" }, stats.results],
    ...of("dropped", stats.dropped),
    ...of("error", stats.errors),
  ];
}

function times({ name, stats }: MetricsInput["cameras"][number]): Sample[] {
  return Object.entries(stats.stages).flatMap(([stage, histogram]) =>
    [0.5, 0.95].flatMap((q): Sample[] => {
      const value = quantile(histogram, q);
      return value === undefined
        ? []
        : [[{ camera: name, stage, quantile: String(q) }, Math.round(value * 1000) / 1000]];
    }),
  );
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return "";
  const quoted = (text: string) =>
    text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `{${entries.map(([key, value]) => `${key}="${quoted(value)}"`).join(",")}}`;
}
