/** The agent's process: subcommands, signals, exit codes. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { backoffMs } from "@fieldloop/shared/backoff";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";
import { readProcessor, withProcessor } from "@fieldloop/shared-node/processor";
import * as z from "zod/mini";
import { type AgentConfig, environmentSettings, loadConfig } from "./config.ts";
import { chooseProfile, readBoard, readProfiles } from "./perception/inference/profile.ts";
import { realFiles } from "./platform/files.ts";
import { type Log, openLog } from "./platform/log.ts";
import { openNotify } from "./platform/sd-notify.ts";
import { type Enrolment, enrol } from "./upkeep/provisioning/enrol.ts";

const usage = `Usage: fieldloop-agent [run] [--config FILE]
       fieldloop-agent enrol [--config FILE]
       fieldloop-agent infer --model FILE [--manifest FILE] IMAGE...

  run      looks at images, tells the cloud, keeps its model current (default)
  enrol    turns a claim token into this device's identity, and ends
  infer    runs a model on some images, without cloud or configuration

  --config FILE  YAML configuration (FIELDLOOP_AGENT_CONFIG)
  --version      prints the version
  --help         this text

Environment, stronger than the file:
${Object.entries(environmentSettings)
  .map(([name, path]) => `  ${name.padEnd(28)} ${path.join(".")}`)
  .join("\n")}
`;

/** Runs the program. @returns the exit code: 0 done, 1 failed, 2 wrong call or configuration */
export async function main(argv: readonly string[]): Promise<number> {
  z.config(z.locales.en());
  const [command = "run", ...rest] = argv[0]?.startsWith("-") ? ["run", ...argv] : argv;
  try {
    if (command === "infer") {
      const { inferCommand } = await import("./infer/command.ts");
      return await inferCommand(rest, {
        out: (text) => void process.stdout.write(text),
        err: (text) => void process.stderr.write(text),
      });
    }
    const { values } = parseArgs({
      args: rest,
      options: {
        config: { type: "string" },
        version: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help || command === "help") return say(usage);
    if (values.version) return say(`${await readVersion()}\n`);
    if (command === "run") return await run(await loadConfig(values.config, process.env));
    if (command === "enrol") return await enrolOnce(await loadConfig(values.config, process.env));
    return complain(`there is no command "${command}"; allowed are run, enrol and infer`, 2);
  } catch (error) {
    const wrongCall = error instanceof TypeError && "code" in error; // parseArgs names the option
    if (!wrongCall && !(error instanceof AppError)) throw error;
    const misused = wrongCall || (error instanceof AppError && error.code === "config");
    return complain(messageOf(error), misused ? 2 : 1);
  }
}

async function run(config: AgentConfig): Promise<number> {
  const log = openLog(config.logLevel);
  const notify = openNotify(process.env, (error) =>
    log.warn({ reason: error.message }, "systemd cannot be told how the agent is"),
  );
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => stopping.abort(signal));
  const { Agent, checkRole } = await import("./agent/agent.ts");
  checkRole(config);
  await makeDataDir(config.dataDir);
  const profile = await findProfile(config);
  const enrolment = config.cloud && (await enrolUntilDone(config, profile, log, stopping.signal));
  if (stopping.signal.aborted) return 0;
  const cloud =
    config.cloud && enrolment ? { url: config.cloud.url, identity: enrolment.identity } : null;
  const agentVersion = await readVersion();
  const agent = new Agent({ config, cloud, profile, agentVersion, log });
  await agent.start().catch(async (error: unknown) => {
    await agent.stop(); // what has been opened would keep the process alive
    throw error;
  });
  notify("READY=1");
  const alive = watchdog(notify);
  await aborted(stopping.signal);
  notify("STOPPING=1");
  clearInterval(alive);
  await agent.stop();
  return 0;
}

async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new AppError({
      code: "data-dir",
      message: `the data folder ${dataDir} cannot be made (${messageOf(cause)}); set dataDir or FIELDLOOP_AGENT_DATA_DIR`,
      cause,
    });
  }
}

async function enrolOnce(config: AgentConfig): Promise<number> {
  if (config.cloud === undefined)
    return complain("there is no cloud to enrol with: set cloud.url or FIELDLOOP_URL", 2);
  const { kind, identity } = await enrolNow(config, await findProfile(config));
  const how = kind === "already" ? "is enrolled already" : "is enrolled";
  return say(`${identity.deviceId} ${how} with ${identity.cloudUrl}\n`);
}

async function enrolNow(config: AgentConfig, profile: DeviceProfile): Promise<Enrolment> {
  const { cloud, device, dataDir } = config;
  return enrol({
    files: realFiles,
    identityPath: join(dataDir, "identity.json"),
    cloudUrl: cloud?.url ?? "",
    claimToken: cloud?.claimToken,
    name: device.name,
    role: device.role,
    profile: profile.id,
    idempotencyKey: randomUUID(),
  });
}

/** A device that is new waits for its cloud; a refusal ends the agent with the cloud's sentence. */
async function enrolUntilDone(
  config: AgentConfig,
  profile: DeviceProfile,
  log: Log,
  signal: AbortSignal,
): Promise<Enrolment | undefined> {
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      return await enrolNow(config, profile);
    } catch (error) {
      if (!(error instanceof AppError) || !error.retryable) throw error;
      log.warn({ reason: error.message }, "not enrolled yet; trying again");
      const delayMs = backoffMs(attempt, config.link, Math.random());
      await Promise.race([aborted(signal), new Promise((done) => setTimeout(done, delayMs))]);
    }
  }
  return undefined;
}

async function findProfile(config: AgentConfig): Promise<DeviceProfile> {
  const [profiles, board, features] = await Promise.all([
    readProfiles(),
    readBoard(),
    readProcessor(),
  ]);
  const { profile } = chooseProfile(profiles, board, config.device.profile ?? null);
  return withProcessor(profile, features);
}

/** Systemd restarts an agent whose event loop no longer turns. */
function watchdog(notify: (state: string) => void): NodeJS.Timeout | undefined {
  const periodMs = Number(process.env.WATCHDOG_USEC) / 1000;
  return periodMs > 0 ? setInterval(() => notify("WATCHDOG=1"), periodMs / 2) : undefined;
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(message: string, code: number): number {
  process.stderr.write(`fieldloop-agent: ${message}\n`);
  return code;
}
