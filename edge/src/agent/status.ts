/** What the agent says about itself: to the cloud, to the local interface, to Prometheus. */
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import { quantile } from "@fieldloop/shared/sketches/histogram";
import type { CameraStats } from "../perception/pipeline-stats.ts";
import { clockOk } from "../platform/clock.ts";
import { readVitals } from "../upkeep/health/vitals.ts";
import { passedOverText } from "../upkeep/models/variant.ts";
import type { Agent } from "./agent.ts";
import { inTrouble } from "./camera-news.ts";
import { metricsText } from "./metrics.ts";

/** `up/state`. */
export async function reportedStateOf(agent: Agent): Promise<ReportedState> {
  const { config, profile, agentVersion } = agent.options;
  const vitals = await readVitals({ dataDir: config.dataDir, thermalFiles: profile.thermalFiles });
  const now = Date.now();
  return {
    v: 1,
    at: now,
    boot: agent.boot,
    agentVersion,
    profile: profile.id,
    desiredVersion: agent.telling?.desired.version ?? 0,
    model: agent.eye.model,
    update: updateOf(agent),
    settings: agent.settings,
    scene: { ...agent.eye.scene },
    cameras: agent.eye.cameras().map(({ name, kind, state, reason, health }) => ({
      name,
      kind,
      state: state === "stopped" ? "starting" : state,
      reason: reason?.slice(0, 1000) ?? null,
      pipeline: pipelineOf(agent.eye.stats(name)),
      health: health && {
        referenceAt: health.reference?.madeAt ?? null,
        commissioning: health.commissioning,
        raised: [...health.raised],
      },
    })),
    routing: agent.hybrid?.report() ?? null,
    vitals: { ...vitals, outboxRows: agent.telling?.outbox.usage.rows ?? 0, clockOk: clockOk(now) },
  };
}

function pipelineOf({ stages, load, ...counts }: CameraStats) {
  const stagesMs = Object.fromEntries(
    Object.entries(stages).flatMap(([stage, histogram]) => {
      const [p50, p95] = [quantile(histogram, 0.5), quantile(histogram, 0.95)];
      return p50 === undefined || p95 === undefined ? [] : [[stage, { p50, p95 }]];
    }),
  );
  const { dropped, errors } = counts;
  return { ...counts, dropped: { ...dropped }, errors: { ...errors }, load, stagesMs };
}

function updateOf({ updater }: Agent): ReportedState["update"] {
  const { update } = updater;
  if (update === undefined) return null;
  const { target, phase, reason, at } = update;
  const { name, version } = target;
  return { model: name, version, phase, reason: reason?.slice(0, 1000) ?? null, at };
}

/** `GET /v1/status`: the reported state, and what only the device itself is asked. */
export async function statusOf(agent: Agent): Promise<object> {
  const { cloud, config } = agent.options;
  const { telling } = agent;
  return {
    device: cloud?.identity.deviceId ?? config.device.name ?? null,
    ...(await reportedStateOf(agent)),
    problems: problemsOf(agent),
    facts: agent.facts.views(),
    outputs: agent.outputs.stats(),
    samples: agent.sampling.stats(),
    processor: {
      features: agent.options.profile.features,
      passedOver: passedOverText(agent.updater.active?.passedOver ?? []) || null,
    },
    cloud:
      cloud === null || telling === undefined
        ? null
        : {
            url: cloud.url,
            link: telling.link.state,
            lastError: telling.link.lastError,
            epoch: telling.outbox.epoch,
            outbox: { ...telling.outbox.usage, ...telling.outbox.counters },
          },
    frames: Object.fromEntries(
      config.cameras.map(({ name }) => {
        const { stages: _, load: __, ...counts } = agent.eye.stats(name);
        return [name, counts];
      }),
    ),
  };
}

/** What keeps the agent from doing its work, a sentence each. */
export function problemsOf(agent: Agent): string[] {
  const { telling, eye } = agent;
  const broken = eye.cameras().filter(({ state }) => inTrouble(state));
  return [
    ...(eye.model === null && eye.needsModel ? ["no model is active yet"] : []),
    ...broken.map(({ name, reason }) => `the camera ${name} does not work: ${reason}`),
    ...(telling?.link.state === "refused"
      ? [telling.link.lastError ?? "the broker refused us"]
      : []),
  ];
}

export function metricsOf(agent: Agent): string {
  const { telling, eye } = agent;
  return metricsText({
    model: eye.modelId,
    cameras: agent.options.config.cameras.map(({ name }) => ({ name, stats: eye.stats(name) })),
    outbox: telling ? { usage: telling.outbox.usage, counters: telling.outbox.counters } : null,
    link: telling
      ? {
          online: telling.link.state === "online",
          ...telling.link.counters,
          ...telling.sender.counters,
        }
      : null,
    rssBytes: process.memoryUsage.rss(),
    uptimeS: Math.floor(process.uptime()),
  });
}
