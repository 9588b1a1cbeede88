/**
 * The agent's configuration: a YAML file, overridden by the environment. What is not understood stops
 * the start with one line that names the setting and what is allowed.
 */
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { slug } from "@fieldloop/shared/ids";
import { remoteSettings } from "@fieldloop/shared/messages/twin";
import { parse } from "yaml";
import * as z from "zod/mini";
import { explainIssue } from "./config-issues.ts";
import { cameraSettings, withPaths } from "./perception/camera/settings.ts";
import { engineSettings } from "./perception/inference/child/settings.ts";
import { logLevels } from "./platform/log.ts";
import { outputsSettings } from "./reporting/outputs/settings.ts";

const positive = z.int().check(z.positive());
const url = (protocol: RegExp, example: string) =>
  z.url({ protocol, error: `use a URL such as ${example}` });
const httpUrl = z.pipe(
  url(/^https?$/, "https://cloud.example:8080"),
  z.transform((text: string) => text.replace(/\/+$/, "")),
);

const settings = z.strictObject({
  cloud: z.optional(
    z.strictObject({
      url: httpUrl,
      claimToken: z.optional(z.string().check(z.minLength(1))),
      /** Where the broker is, if not where enrolment said. */
      mqttUrl: z.optional(url(/^(mqtts?|wss?)$/, "mqtts://cloud.example:8883")),
    }),
  ),
  device: z.prefault(
    z.strictObject({
      name: z.optional(slug),
      role: z._default(z.enum(["camera", "station"]), "camera"),
      profile: z.optional(slug),
    }),
    {},
  ),
  dataDir: z._default(z.string().check(z.minLength(1)), ".fieldloop-agent"),
  /** What samples are sealed with; default: device.key in the data folder. Better on another medium. */
  deviceKeyFile: z.optional(z.string().check(z.minLength(1))),
  http: z.prefault(
    z.strictObject({
      host: z._default(z.string().check(z.minLength(1)), "127.0.0.1"),
      port: z._default(z.int().check(z.gte(0), z.lte(65_535)), 8090),
    }),
    {},
  ),
  cameras: z._default(
    z.array(cameraSettings).check(
      z.maxLength(64),
      z.refine(
        (cameras) => new Set(cameras.map(({ name }) => name)).size === cameras.length,
        "every camera needs a name of its own",
      ),
    ),
    [],
  ),
  /** Takes in what a Frigate in the local network has seen. */
  frigate: z.optional(
    z.strictObject({
      url: url(/^(mqtts?|wss?)$/, "mqtt://192.168.1.5:1883"),
      topic: z._default(z.string().check(z.minLength(1), z.maxLength(256)), "frigate/events"),
      /** By Frigate's names of the cameras. */
      cameras: z.record(
        z.string().check(z.minLength(1), z.maxLength(128)),
        z.strictObject({
          /** A camera of kind `external`. */
          camera: slug,
          /** Size of the picture that Frigate detects in (its `detect.width` and `height`). */
          width: positive,
          height: positive,
        }),
      ),
    }),
  ),
  /** What is told of what happens, in the local network. */
  outputs: z._default(outputsSettings, []),
  /** A model by file, for use without a cloud; one that the cloud names takes its place. */
  model: z.optional(
    z.strictObject({
      path: z.string().check(z.minLength(1)),
      manifest: z.string().check(z.minLength(1)),
    }),
  ),
  reporting: z.prefault(
    z.strictObject({
      outboxBytesMax: z._default(z.int().check(z.gte(1024 * 1024)), 256 * 1024 * 1024),
      /** What holds until the cloud says otherwise. */
      ...z.partial(remoteSettings).shape,
    }),
    {},
  ),
  link: z.prefault(
    z.strictObject({
      delayMsMin: z._default(positive, 1000),
      delayMsMax: z._default(positive, 300_000),
      /** Whether the line is paid by the byte: the cloud is asked about hard frames only if allowed. */
      metered: z._default(z.boolean(), false),
      keepaliveS: z._default(z.int().check(z.gte(5), z.lte(3600)), 60),
    }),
    {},
  ),
  /** What runs models: ONNX Runtime in the agent, or a program for an accelerator. */
  engine: z._default(engineSettings, { kind: "onnxruntime" }),
  /** Threads inside one operator; default: the device profile's. */
  threads: z.optional(z.int().check(z.gte(1), z.lte(64))),
  frameBytesMax: z._default(positive, 32 * 1024 * 1024),
  logLevel: z._default(z.enum(logLevels), "info"),
});

const configSchema = settings.check(
  z.refine(({ cameras, frigate }) => {
    const external = cameras.filter(({ kind }) => kind === "external").map(({ name }) => name);
    const meant = Object.values(frigate?.cameras ?? {});
    return meant.every(({ camera }) => external.includes(camera));
  }, "every camera under frigate.cameras needs one of kind external with that name under cameras"),
);
export type AgentConfig = z.output<typeof configSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

/** Environment variables and the settings they override. Empty ones count as unset. */
export const environmentSettings: Readonly<Record<string, readonly [string, string?]>> = {
  FIELDLOOP_URL: ["cloud", "url"],
  FIELDLOOP_CLAIM_TOKEN: ["cloud", "claimToken"],
  FIELDLOOP_AGENT_MQTT_URL: ["cloud", "mqttUrl"],
  FIELDLOOP_AGENT_NAME: ["device", "name"],
  FIELDLOOP_AGENT_PROFILE: ["device", "profile"],
  FIELDLOOP_AGENT_DATA_DIR: ["dataDir"],
  FIELDLOOP_AGENT_DEVICE_KEY_FILE: ["deviceKeyFile"],
  FIELDLOOP_AGENT_HTTP_HOST: ["http", "host"],
  FIELDLOOP_AGENT_HTTP_PORT: ["http", "port"],
  FIELDLOOP_AGENT_LOG_LEVEL: ["logLevel"],
};

/**
 * Reads the configuration.
 * @param file path of the YAML file; without one only the environment counts
 * @throws AppError `config` with one line
 */
export async function loadConfig(
  file: string | undefined,
  environment: Environment,
): Promise<AgentConfig> {
  const path = file ?? (environment.FIELDLOOP_AGENT_CONFIG || undefined);
  const text = path === undefined ? "" : await readText(path);
  const config = readConfig(text, environment, path ?? "the configuration");
  return inFolder(config, path === undefined ? process.cwd() : dirname(resolve(path)));
}

/** Reads a configuration from text. Paths stay as they are written. */
export function readConfig(text: string, environment: Environment, name: string): AgentConfig {
  const raw = parseYaml(text, name);
  const variables = override(raw, environment);
  const parsed = configSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw failure(
    issue === undefined
      ? `${name} is not valid`
      : explainIssue(issue, raw, configSchema, name, variables),
  );
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw failure(`the configuration ${path} cannot be read: ${messageOf(cause)}`, cause);
  }
}

function parseYaml(text: string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (cause) {
    const [line] = messageOf(cause).split("\n");
    throw failure(`${name} is not valid YAML: ${line}`, cause);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw failure(
    `${name} must be a mapping of settings such as "dataDir: /var/lib/fieldloop-agent"`,
  );
}

/** Writes the environment's values into the raw settings; returns which path came from where. */
function override(raw: Record<string, unknown>, environment: Environment): Map<string, string> {
  const variables = new Map<string, string>();
  for (const [variable, [section, key]] of Object.entries(environmentSettings)) {
    const text = environment[variable];
    if (text === undefined || text === "") continue;
    const value = key === "port" && /^\d+$/.test(text) ? Number(text) : text;
    if (key === undefined) raw[section] = value;
    else {
      const old = raw[section];
      raw[section] = { ...(typeof old === "object" ? old : {}), [key]: value };
    }
    variables.set(key === undefined ? section : `${section}.${key}`, variable);
  }
  return variables;
}

/** Paths in a file are relative to the file's folder. */
function inFolder(config: AgentConfig, folder: string): AgentConfig {
  const at = (path: string) => (isAbsolute(path) ? path : resolve(folder, path));
  return {
    ...config,
    dataDir: at(config.dataDir),
    ...(config.deviceKeyFile !== undefined && { deviceKeyFile: at(config.deviceKeyFile) }),
    cameras: config.cameras.map((camera) => withPaths(camera, at)),
    ...(config.model && {
      model: { path: at(config.model.path), manifest: at(config.model.manifest) },
    }),
  };
}

function failure(message: string, cause?: unknown): AppError {
  return new AppError({ code: "config", message, cause });
}
