/** Starts the real programs for the heavy suites: cloud, agents, Mosquitto. All on loopback, free ports. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@fieldloop/shared/contract/client";
import { assert } from "@fieldloop/shared/errors";
import { stringify } from "yaml";

export const repository = fileURLToPath(new URL("../../", import.meta.url));
export const adminToken = "test-admin-token-0123456789";

/** A folder that goes away at the end; the embedded server's user can reach into it. */
export async function scratchFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "fieldloop-suite-"));
  await chmod(path, 0o755);
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  assert(address !== null && typeof address === "object", "a TCP server has a port");
  await new Promise((done) => server.close(done));
  return address.port;
}

/** A program under test, with its output kept in a file beside its data. */
export class Program {
  readonly name: string;
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor(options: {
    readonly name: string;
    readonly command: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly logFile: string;
  }) {
    this.name = options.name;
    const [program = "", ...args] = options.command;
    this.child = spawn(program, args, {
      cwd: repository,
      env: { ...cleanEnv(), ...options.env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const log = createWriteStream(options.logFile, { flags: "a" });
    this.child.stdout?.pipe(log, { end: false });
    this.child.stderr?.pipe(log, { end: false });
    this.exited = once(this.child, "exit").then(([code]) => {
      log.end();
      return code as number | null; // Node's own exit code
    });
  }

  /** Sends SIGTERM and waits; returns the exit code. */
  async stop(): Promise<number | null> {
    this.child.kill("SIGTERM");
    return await this.exited;
  }

  /** Takes the process away at once, as a power cut would. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }
}

/** The environment without settings of this project, so that a developer's shell changes nothing. */
function cleanEnv(): Record<string, string> {
  const ours = /^(FIELDLOOP_|DATABASE_URL$|MQTT_URL$|VITEST|NODE_OPTIONS$)/;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name, value]) => !ours.test(name) && value !== undefined),
  ) as Record<string, string>; // undefined values were filtered out
}

export interface Cloud extends Program {
  readonly url: string;
  readonly loginLink: string;
  readonly databaseUrl: string;
}

/** Starts the cloud and waits until it serves. The same ports make a restart look like the same server. */
export async function startCloud(options: {
  readonly folder: string;
  readonly httpPort: number;
  readonly mqttPort: number;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<Cloud> {
  const program = new Program({
    name: "cloud",
    command: [process.execPath, join(repository, "cloud/bin/fieldloop-cloud.mjs")],
    env: {
      FIELDLOOP_HTTP_PORT: String(options.httpPort),
      FIELDLOOP_MQTT_PORT: String(options.mqttPort),
      FIELDLOOP_DATA_DIR: join(options.folder, "cloud"),
      FIELDLOOP_ADMIN_TOKEN: adminToken,
      ...options.env,
    },
    logFile: join(options.folder, "cloud.log"),
  });
  const early = program.exited.then(async (code) => {
    const log = await readFile(join(options.folder, "cloud.log"), "utf8");
    throw new Error(`the cloud ended with exit code ${code}: ${log.slice(-500)}`);
  });
  const [ready] = (await Promise.race([once(program.child, "message"), early])) as [
    { httpUrl: string; loginLink: string; databaseUrl: string },
  ]; // the cloud's first message
  early.catch(() => {}); // from here on the test decides when it ends
  return Object.assign(program, {
    url: ready.httpUrl,
    loginLink: ready.loginLink,
    databaseUrl: ready.databaseUrl,
  });
}

export function adminClient(url: string): Client {
  return createClient({ baseUrl: url, token: adminToken });
}

export interface AgentOptions {
  readonly folder: string;
  readonly name: string;
  readonly cloudUrl: string;
  readonly claimToken: string;
  readonly fps: number;
  readonly httpPort: number;
  /** Overrides parts of the YAML. */
  readonly config?: Readonly<Record<string, unknown>>;
}

const agentProgram = join(repository, "edge/bin/fieldloop-agent.mjs");

/** Writes the configuration of an agent on the demo's conveyor; returns the file's path. */
export async function writeAgentConfig(options: AgentOptions): Promise<string> {
  const dataDir = join(options.folder, options.name);
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, "agent.yaml");
  const module = join(repository, "deploy/demo/dist/scene/egg-line.js");
  const synthetic = { module, settings: { world: "normal" } };
  const config = {
    cloud: { url: options.cloudUrl, claimToken: options.claimToken },
    device: { name: options.name, role: "camera", profile: "linux-x64" },
    dataDir,
    http: { port: options.httpPort },
    threads: 1,
    cameras: [{ name: "belt", kind: "synthetic", fps: options.fps, synthetic }],
    ...options.config,
  };
  await writeFile(file, stringify(config));
  return file;
}

/** Starts one agent on the demo's conveyor. */
export async function startAgent(options: AgentOptions): Promise<Program> {
  const file = await writeAgentConfig(options);
  return new Program({
    name: options.name,
    command: [process.execPath, agentProgram, "run", "--config", file],
    env: { MALLOC_ARENA_MAX: "2" },
    logFile: join(options.folder, `${options.name}.log`),
  });
}

/** Starts an agent that works for nobody; returns it with the address of its local interface. */
export async function startLoneAgent(
  folder: string,
  config: Readonly<Record<string, unknown>>,
): Promise<{ readonly program: Program; readonly url: string }> {
  const port = await freePort();
  const file = join(folder, "agent.yaml");
  const own = { device: { name: "cam" }, dataDir: join(folder, "data"), http: { port } };
  await writeFile(file, stringify({ ...own, ...config }));
  const program = new Program({
    name: "agent",
    command: [process.execPath, agentProgram, "run", "--config", file],
    logFile: join(folder, "agent.log"),
  });
  return { program, url: `http://127.0.0.1:${port}` };
}

/** Enrols a device without running it, so that its settings can be made before its first frame. */
export async function enrolAgent(options: AgentOptions): Promise<void> {
  const file = await writeAgentConfig(options);
  const program = new Program({
    name: options.name,
    command: [process.execPath, agentProgram, "enrol", "--config", file],
    logFile: join(options.folder, `${options.name}.log`),
  });
  const code = await program.exited;
  if (code !== 0) throw new Error(`enrolling ${options.name} ended with exit code ${code}`);
}

/** Starts Mosquitto on a loopback port, open to every name and password. */
export async function startMosquitto(folder: string, port: number): Promise<Program> {
  const file = join(folder, "mosquitto.conf");
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "persistence false", ""];
  await writeFile(file, lines.join("\n"));
  const program = new Program({
    name: "mosquitto",
    command: ["mosquitto", "-c", file],
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
    logFile: join(folder, "mosquitto.log"),
  });
  await eventually("mosquitto listens", async () => await canConnect(port), 10_000);
  return program;
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false; // refused: not yet
  } finally {
    socket.destroy();
  }
}

/**
 * Asks `question` until it answers something, at most `waitMsMax`; for facts of other processes,
 * which cannot be awaited as events here.
 */
export async function eventually<T>(
  what: string,
  question: () => Promise<T | undefined | false>,
  waitMsMax = 60_000,
): Promise<T> {
  const end = Date.now() + waitMsMax;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const answer = await question();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    await delay(100);
  }
  throw new Error(`${what} did not happen within ${waitMsMax / 1000} s`, { cause: last });
}
