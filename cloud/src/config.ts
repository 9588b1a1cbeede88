import { parseArgs } from "node:util";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import * as z from "zod";

const portRule = "use a whole number from 0 to 65535; 0 takes any free port";
const port = z.coerce.number(portRule).int(portRule).min(0, portRule).max(65_535, portRule);
const url = (example: string) => z.url(`use a URL such as ${example}`);
const flag = z.stringbool({ error: "use true or false" });

/** Every setting of the cloud: environment variable, flag, and what is allowed. */
const settings = {
  host: { env: "FIELDLOOP_HOST", schema: z.string().min(1).default("127.0.0.1") },
  httpPort: { env: "FIELDLOOP_HTTP_PORT", schema: port.default(8080) },
  mqttPort: { env: "FIELDLOOP_MQTT_PORT", schema: port.default(1883) },
  dataDir: { env: "FIELDLOOP_DATA_DIR", schema: z.string().min(1).default(".fieldloop") },
  publicUrl: { env: "FIELDLOOP_PUBLIC_URL", schema: url("https://fieldloop.example").optional() },
  mqttPublicUrl: {
    env: "FIELDLOOP_MQTT_PUBLIC_URL",
    schema: url("mqtts://mqtt.example:8883").optional(),
  },
  adminToken: {
    env: "FIELDLOOP_ADMIN_TOKEN",
    schema: z.string().min(16, "use at least 16 characters").optional(),
  },
  databaseUrl: {
    env: "DATABASE_URL",
    schema: url("postgres://user:secret@host/fieldloop").optional(),
  },
  mqttUrl: { env: "MQTT_URL", schema: url("mqtt://broker.example:1883").optional() },
  topicRoot: {
    env: "FIELDLOOP_TOPIC_ROOT",
    schema: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/)
      .default("fl"),
  },
  samplesBytesMax: {
    env: "FIELDLOOP_SAMPLES_BYTES_MAX",
    schema: z.coerce
      .number("use a whole number of bytes")
      .int("use a whole number of bytes")
      .min(0, "use a whole number of bytes")
      .default(10 * 1024 ** 3),
  },
  demo: { env: "FIELDLOOP_DEMO", schema: flag.default(false) },
  logLevel: {
    env: "FIELDLOOP_LOG_LEVEL",
    schema: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  },
} as const;

type Name = keyof typeof settings;

/** The cloud's configuration. Ports of 0 take any free one. */
export type CloudConfig = { readonly [K in Name]: z.output<(typeof settings)[K]["schema"]> };

/** Flag of a setting: `httpPort` is `--http-port`. */
const flagOf = (name: string) => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/**
 * Reads flags over environment over defaults.
 * @throws AppError with one line that names the setting and what is allowed
 */
export function readConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): CloudConfig {
  const flags = readFlags(argv);
  const entries = Object.entries(settings).map(([name, { env: variable, schema }]) => {
    const given = flags[flagOf(name)] ?? (env[variable] === "" ? undefined : env[variable]);
    const parsed = schema.safeParse(given);
    if (parsed.success) return [name, parsed.data];
    const reason = parsed.error.issues[0]?.message ?? "is not valid";
    throw new AppError({
      code: "config",
      message: `${variable} (--${flagOf(name)}) is ${JSON.stringify(given)}: ${reason}`,
    });
  });
  return Object.fromEntries(entries) as CloudConfig; // one entry per setting, each parsed by its schema
}

function readFlags(argv: readonly string[]): Readonly<Record<string, string | undefined>> {
  const options = Object.fromEntries(
    Object.keys(settings).map((name) => [flagOf(name), { type: "string" as const }]),
  );
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    const allowed = Object.keys(options).map((name) => `--${name}`);
    throw new AppError({
      code: "config",
      message: `${messageOf(error).split(". ")[0]}; allowed are ${allowed.join(", ")}`,
      cause: error,
    });
  }
}
