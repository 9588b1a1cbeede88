import { once } from "node:events";
import { readFileSync } from "node:fs";
import { messageOf } from "@fieldloop/shared/errors";
import * as z from "zod";
import { type CloudConfig, readConfig } from "./config.ts";
import { createLoginLink } from "./platform/auth/login.ts";
import { openDb } from "./platform/db.ts";
import { installationId } from "./platform/store.ts";
import { openDatabase, startCloud } from "./wiring.ts";

const help = `fieldloop-cloud: the cloud side of fieldloop

  fieldloop-cloud [start] [--http-port 8080] [--mqtt-port 1883] [--data-dir .fieldloop] …
  fieldloop-cloud login-link [E-MAIL]   print a one-time link that signs in (default: the first admin)
  fieldloop-cloud --version | --help

Every flag has an environment variable of the same name, FIELDLOOP_HTTP_PORT for --http-port;
README.md lists them.
`;

/** The version of the installed package. */
export const version: string = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
).version;

/** Runs a command of the cloud program. @returns the exit code */
export async function main(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  z.config(z.locales.en()); // zod/mini schemas carry no messages of their own
  const [first = "start", ...rest] = argv;
  try {
    if (first === "--help" || first === "help") return print(help);
    if (first === "--version" || first === "version") return print(`${version}\n`);
    if (first === "login-link") return await printLoginLink(rest, env);
    return await serve(readConfig(first === "start" ? rest : argv, env));
  } catch (error) {
    process.stderr.write(`fieldloop-cloud: ${messageOf(error)}\n`);
    return 1;
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** Serves until SIGTERM or SIGINT; a second signal ends the process at once. */
async function serve(config: CloudConfig): Promise<number> {
  const cloud = await startCloud(config, version);
  const { httpUrl, mqttUrl, loginLink, databaseUrl } = cloud;
  if (loginLink !== undefined && process.send === undefined)
    process.stdout.write(`\n  Sign in (once, within 15 minutes): ${loginLink}\n\n`);
  process.send?.({ httpUrl, mqttUrl, loginLink, databaseUrl });
  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  await cloud.stop();
  return 0;
}

async function printLoginLink(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const email = argv[0]?.startsWith("--") ? undefined : argv[0];
  const flags = email === undefined ? argv : argv.slice(1);
  const config = readConfig(flags, env);
  const database = await openDatabase(config, () => {});
  const open = openDb(database.url);
  try {
    const publicUrl = config.publicUrl ?? `http://${config.host}:${config.httpPort}`;
    const installation = {
      id: await installationId(open.db),
      version,
      demo: config.demo,
      publicUrl,
      mqttUrl: "",
      topicRoot: config.topicRoot,
    };
    const link = await createLoginLink({ db: open.db, now: Date.now, installation }, email);
    return print(`${link}\n`);
  } finally {
    await open.close();
    if (!database.adopted) await database.stop();
  }
}
