/** Parts of the agent that only some configurations have. */
import { join } from "node:path";
import { FrigateInput } from "../perception/observations/frigate-input.ts";
import type { FrameResult } from "../perception/pipeline.ts";
import { realFiles } from "../platform/files.ts";
import { eventOfFact } from "../reporting/outputs/event.ts";
import { Outputs } from "../reporting/outputs/outputs.ts";
import type { Reporter } from "../reporting/windows/reporter.ts";
import type { AgentOptions } from "./agent.ts";
import type { Eye } from "./eye.ts";
import { Facts } from "./facts.ts";
import { Hybrid } from "./hybrid.ts";
import type { Sampling } from "./sampling.ts";

/** What is told in the local network of what happens. */
export function openOutputs({ config, cloud, log }: AgentOptions, reporter: Reporter): Outputs {
  return new Outputs({
    settings: config.outputs,
    device: cloud?.identity.deviceId ?? config.device.name ?? "device",
    environment: process.env,
    now: Date.now,
    onChange: (output, reason) => {
      const message =
        reason === null
          ? `the output ${output} works again`
          : `the output ${output} fails: ${reason}`;
      log[reason === null ? "info" : "warn"](message);
      const kind = reason === null ? "output-recovered" : "output-failed";
      reporter.event(kind, reason === null ? "info" : "warning", message, { output });
    },
  });
}

/** Objects, lines and zones of the cameras that follow them. */
export function openFacts(
  { config, log }: AgentOptions,
  reporter: Reporter,
  outputs: Outputs,
): Facts {
  return new Facts({
    cameras: config.cameras,
    files: realFiles,
    folder: join(config.dataDir, "cameras"),
    reporter,
    onEvent: (camera, event, at) => outputs.offer(eventOfFact(camera, event, at)),
    onFault: (message) => {
      log.warn(message);
      reporter.event("facts-fault", "warning", message);
    },
  });
}

/** Asking the cloud about hard frames; `undefined` where there is no cloud. */
export function openHybrid(parts: {
  readonly agent: AgentOptions;
  readonly boot: string;
  readonly reporter: Reporter;
  readonly isOnline: () => boolean;
  /** What holds for a frame, at its deadline. */
  readonly onResult: (result: FrameResult) => void;
  readonly facts: Facts;
  readonly sampling: Sampling;
}): Hybrid | undefined {
  const { agent, boot, reporter, isOnline, onResult, facts, sampling } = parts;
  const { cloud, config, log } = agent;
  if (cloud === null) return undefined;
  const { deviceId, credential } = cloud.identity;
  return new Hybrid({
    cloud: { url: cloud.url, credential },
    keyPrefix: `${deviceId}:${boot}`,
    folder: config.dataDir,
    connection: () => {
      if (!isOnline()) return "offline";
      return config.link.metered ? "metered" : "online";
    },
    tracksOf: (camera) => facts.tracksOf(camera),
    onResult,
    onCorrection: ({ decision, ...frame }) => reporter.correction({ ...frame, ...decision }),
    onKnown: (result, seen, cloudSaid) => sampling.consider(result, seen, cloudSaid),
    onProblem: (message) => {
      log.warn(message);
      reporter.event("routing", "warning", message);
    },
    log,
  });
}

/** What a Frigate in the local network has seen; `undefined` where none is configured. */
export function openFrigate(
  { config, log }: AgentOptions,
  eye: Eye,
  reporter: Reporter,
): FrigateInput | undefined {
  const { frigate } = config;
  if (frigate === undefined) return undefined;
  return new FrigateInput({
    ...frigate,
    onObservation: (observation) => eye.external.observe([observation]),
    onTrouble: (message) => {
      log.warn(message);
      reporter.event("frigate-input", "warning", message);
    },
  });
}
