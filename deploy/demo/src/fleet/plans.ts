import { existsSync } from "node:fs";
import { join } from "node:path";
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
} as const;

/**
 * What `fieldloop models push` is told for a version in a folder: the compiled model where there is
 * one, else the float model that it would be compiled from.
 */
export function pushArguments(folder: string): string[] {
  const compiled = join(folder, "compiled");
  if (existsSync(join(compiled, "manifest.json"))) return [compiled];
  return [join(folder, "model.onnx"), "--manifest", join(folder, "model.yaml")];
}

/** Where a version of the demo's base model lies. */
export function modelFolder(version: string): string {
  return pathOf(`deploy/demo/models/egg-grader/${version}/`);
}

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
