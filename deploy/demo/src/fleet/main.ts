/**
 * `npm start`: the cloud, a small fleet of real agents on synthetic cameras, and the inspection
 * station at the end of the belt, each a process of its own.
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { createClient } from "@fieldloop/shared/contract/client";
import { claimTokens } from "@fieldloop/shared/contract/devices";
import { models } from "@fieldloop/shared/contract/models";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { Children } from "./children.ts";
import { type DemoOptions, readOptions } from "./options.ts";
import {
  agentPlan,
  agentYaml,
  cameraNames,
  modelFolder,
  programs,
  pushArguments,
} from "./plans.ts";

const run = promisify(execFile);
const firstVersion = "1.0.0";
type Env = Readonly<Record<string, string | undefined>>;

/** What the cloud tells its parent once it serves. */
interface Ready {
  readonly httpUrl: string;
  readonly mqttUrl: string;
  readonly loginLink: string;
}

/** Runs the demo until a signal ends it. @returns the exit code */
export async function main(argv: readonly string[], env: Env): Promise<number> {
  let children: Children | undefined;
  try {
    const options = readOptions(argv, env);
    const dataDir = resolve(options.dataDir);
    const stopped = waitForSignal();
    children = new Children({ logFolder: join(dataDir, "logs"), say });
    await startAll(children, options, dataDir, env, stopped.end);
    await stopped.promise;
    say("stopping");
    return 0;
  } catch (error) {
    process.stderr.write(`fieldloop: ${messageOf(error)}\n`);
    return 1;
  } finally {
    await children?.stop((name) => name !== "cloud"); // agents flush what they have first
    await children?.stop(() => true);
  }
}

async function startAll(
  children: Children,
  options: DemoOptions,
  dataDir: string,
  env: Env,
  onCloudEnd: () => void,
): Promise<void> {
  say("starting the cloud");
  const token = env.FIELDLOOP_ADMIN_TOKEN || (await keptToken(dataDir));
  const cloud = {
    name: "cloud",
    program: programs.cloud,
    args: [],
    env: { FIELDLOOP_DEMO: "true", FIELDLOOP_DATA_DIR: dataDir, FIELDLOOP_ADMIN_TOKEN: token },
  };
  const ready = (await children.startAndHear(cloud, () => {
    say("the cloud ended; see cloud.log in the logs folder");
    onCloudEnd();
  })) as Ready; // the cloud's first message
  await pushFirstModel(ready.httpUrl, token);
  await startFleet(children, options, dataDir, ready, token);
  say(`${options.devices} cameras are on the line, logs in ${join(dataDir, "logs")}`);
  process.stdout.write(welcome(ready, token));
}

async function startFleet(
  children: Children,
  options: DemoOptions,
  dataDir: string,
  ready: Ready,
  token: string,
): Promise<void> {
  const { httpUrl: url, mqttUrl } = ready; // another start may have had other ports
  const client = createClient({ baseUrl: url, token });
  const names = cameraNames(options.devices);
  const claim = await client.call(claimTokens.create, {
    body: { note: "demo fleet", site: "barn-1", group: "line-1", usesMax: names.length + 1 },
  });
  for (const name of names) {
    const folder = join(dataDir, "agents", name);
    await mkdir(folder, { recursive: true });
    const config = join(folder, "agent.yaml");
    const yaml = agentYaml({
      name,
      dataDir: folder,
      cloudUrl: url,
      mqttUrl,
      claimToken: claim.token,
      fps: options.fps,
    });
    await writeFile(config, yaml, { mode: 0o600 });
    children.keep(agentPlan(name, config));
  }
  children.keep({
    name: "station",
    program: programs.station,
    args: [],
    env: {
      STATION_URL: url,
      STATION_MQTT_URL: mqttUrl,
      STATION_CLAIM_TOKEN: claim.token,
      STATION_DATA_DIR: join(dataDir, "agents", "station"),
      STATION_DEVICES: names.join(","),
      STATION_FPS: String(options.fps),
    },
  });
}

/** Registers and promotes the first version, with the command a person would use. */
async function pushFirstModel(url: string, token: string): Promise<void> {
  const client = createClient({ baseUrl: url, token });
  const known = await client.call(models.list, {});
  if (known.items.some((model) => model.name === "egg-grader")) return;
  say(`pushing egg-grader ${firstVersion}`);
  const cli = (...args: string[]) =>
    run(process.execPath, [programs.cli, ...args], {
      env: { ...process.env, FIELDLOOP_URL: url, FIELDLOOP_TOKEN: token },
    });
  try {
    await cli("models", "push", ...pushArguments(modelFolder(firstVersion)));
    await cli("models", "promote", "egg-grader", firstVersion);
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr; // execFile adds what the program said
    throw new AppError({ code: "demo", message: stderr?.trim() || messageOf(error), cause: error });
  }
}

/** One token for all starts of the same demo, so that a shell keeps working. */
async function keptToken(dataDir: string): Promise<string> {
  const file = join(dataDir, "demo-token");
  const kept = await readFile(file, "utf8").catch(() => "");
  if (kept.length >= 16) return kept;
  const token = `fldemo_${randomBytes(24).toString("base64url")}`;
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, token, { mode: 0o600 });
  return token;
}

function waitForSignal() {
  let end = () => {};
  const promise = new Promise<void>((done) => {
    end = done;
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => done());
  });
  return { promise, end };
}

function say(line: string): void {
  process.stdout.write(`fieldloop: ${line}\n`);
}

function welcome(ready: Ready, token: string): string {
  return `
  Console    ${ready.loginLink}
             (works once, for 15 minutes; open it in this machine's browser)
  Commands   export FIELDLOOP_URL=${ready.httpUrl} FIELDLOOP_TOKEN=${token}
             npx --no-install fieldloop devices ls
             npx --no-install fieldloop demo world brown-eggs
  API        ${ready.httpUrl}/docs

  Ctrl-C stops everything.

`;
}
