import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Client } from "@fieldloop/shared/contract/client";
import { claimTokens, devices } from "@fieldloop/shared/contract/devices";
import type { RemoteSettings } from "@fieldloop/shared/messages/twin";
import {
  adminClient,
  adminToken,
  type Cloud,
  enrolAgent,
  eventually,
  freePort,
  type Program,
  repository,
  startAgent,
} from "./processes.ts";

const run = promisify(execFile);

/** Runs the command line as a person would, against this cloud; returns what it printed. */
export async function fieldloop(url: string, ...args: string[]): Promise<string> {
  const program = join(repository, "cloud/cli/bin/fieldloop.mjs");
  const { stdout } = await run(process.execPath, [program, ...args], {
    env: { ...process.env, FIELDLOOP_URL: url, FIELDLOOP_TOKEN: adminToken },
  });
  return stdout;
}

/** Registers and promotes a version of the demo's model. */
export async function pushEggGrader(url: string, version: string, name = "egg-grader") {
  const folder = join(repository, "deploy/demo/models", name, version);
  const files = [join(folder, "model.onnx"), "--manifest", join(folder, "model.yaml")];
  await fieldloop(url, "models", "push", ...files);
  await fieldloop(url, "models", "promote", name, version);
}

export interface Fleet {
  readonly client: Client;
  readonly agents: readonly { readonly name: string; readonly port: number; program: Program }[];
  stop(): Promise<void>;
}

/**
 * Starts `count` agents, all with one claim token. They are enrolled first and told to report every
 * result, so that whatever they see from their first frame on must reach the database.
 */
export async function startFleet(options: {
  readonly folder: string;
  readonly cloud: Cloud;
  readonly count: number;
  readonly fps: number;
  readonly config?: Readonly<Record<string, unknown>>;
}): Promise<Fleet> {
  const client = adminClient(options.cloud.url);
  const claim = await client.call(claimTokens.create, { body: { usesMax: options.count } });
  const agents: Fleet["agents"][number][] = [];
  for (let i = 1; i <= options.count; i++) {
    const name = `cam-${i}`;
    const port = await freePort();
    const agent = {
      folder: options.folder,
      name,
      cloudUrl: options.cloud.url,
      claimToken: claim.token,
      fps: options.fps,
      httpPort: port,
      ...(options.config === undefined ? {} : { config: options.config }),
    };
    await enrolAgent(agent);
    await setSettings(client, name, { results: "all", windowMs: 2000 });
    const program = await startAgent(agent);
    agents.push({ name, port, program });
  }
  const stop = async () => {
    await Promise.all(agents.map(({ program }) => program.stop()));
  };
  return { client, agents, stop };
}

/** Waits until every agent reports this model, as `name@version`. */
export async function allRun(client: Client, names: readonly string[], model: string) {
  await eventually(`all of ${names.join(", ")} run ${model}`, async () => {
    const page = await client.call(devices.list, { query: {} });
    const running = page.items.filter((d) => names.includes(d.id) && d.model === model);
    return running.length === names.length;
  });
}

/**
 * For agents whose cloud is taken away: they try again every two seconds at the latest. By default
 * the wait grows to minutes, as it should in a fleet and need not in a test.
 */
export const quickLink = { link: { delayMsMin: 200, delayMsMax: 2000 } } as const;

/** Changes how a device reports, reading first as `If-Match` demands. */
export async function setSettings(
  client: Client,
  id: string,
  settings: Partial<RemoteSettings>,
): Promise<void> {
  const { etag } = await client.callTagged(devices.get, { params: { id } });
  await client.call(devices.update, { params: { id }, body: { settings }, ifMatch: etag ?? "*" });
}
