import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import type { ChildPlan } from "./children.ts";

/** Programs of the installation, seen from the built file. */
const root = new URL("../../../../", import.meta.url);
const pathOf = (relative: string) => fileURLToPath(new URL(relative, root));

export const programs = {
  cloud: pathOf("cloud/bin/fieldloop-cloud.mjs"),
  agent: pathOf("edge/bin/fieldloop-agent.mjs"),
  cli: pathOf("cloud/cli/bin/fieldloop.mjs"),
  station: fileURLToPath(new URL("../station/main.js", import.meta.url)),
  scene: fileURLToPath(new URL("../scene/egg-line.js", import.meta.url)),
  model: (version: string) => pathOf(`deploy/demo/models/egg-grader/${version}/`),
} as const;

/** Names of the cameras along the line. */
export function cameraNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `egg-cam-${i + 1}`);
}

/** The YAML configuration of one demo agent. */
export function agentYaml(options: {
  readonly name: string;
  readonly dataDir: string;
  readonly cloudUrl: string;
  readonly mqttUrl: string;
  readonly claimToken: string;
  readonly fps: number;
}): string {
  return stringify({
    cloud: { url: options.cloudUrl, claimToken: options.claimToken, mqttUrl: options.mqttUrl },
    device: { name: options.name, role: "camera", profile: "linux-x64" },
    dataDir: options.dataDir,
    http: { port: 0 },
    threads: 1,
    cameras: [
      {
        name: "belt",
        kind: "synthetic",
        fps: options.fps,
        synthetic: { module: programs.scene, settings: { world: "normal" } },
      },
    ],
  });
}

/** How a demo agent is run: two malloc arenas and a small young generation keep it small. */
export function agentPlan(name: string, configFile: string): ChildPlan {
  return {
    name,
    program: programs.agent,
    nodeFlags: ["--max-semi-space-size=2"],
    args: ["run", "--config", configFile],
    env: { MALLOC_ARENA_MAX: "2" },
  };
}
