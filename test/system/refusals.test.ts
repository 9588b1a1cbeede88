/** What the programs do not take: each says so in one line, with the exit code of its kind. */
import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@fieldloop/shared/contract/client";
import { claimTokens } from "@fieldloop/shared/contract/devices";
import { tokens } from "@fieldloop/shared/contract/people";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adminClient,
  type Cloud,
  freePort,
  repository,
  scratchFolder,
  startCloud,
  writeAgentConfig,
} from "../support/processes.ts";

/** How a program ended and what it printed. */
interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const bins = {
  agent: "edge/bin/fieldloop-agent.mjs",
  cloud: "cloud/bin/fieldloop-cloud.mjs",
  fieldloop: "cloud/cli/bin/fieldloop.mjs",
};

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let cloud: Cloud;
let ports: { readonly httpPort: number; readonly mqttPort: number };
/** Secrets that another installation has made. */
let foreign: { readonly claim: string; readonly api: string };

/** Runs a program to its end, in an environment with nothing but what is given. */
function run(
  bin: keyof typeof bins,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const command = [join(repository, bins[bin]), ...args];
  const options = {
    cwd: scratch.path,
    env: { PATH: process.env.PATH, HOME: scratch.path, ...env },
    timeout: 60_000,
  };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, command, options, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

async function makeSecrets(url: string) {
  const client = adminClient(url);
  const claim = await client.call(claimTokens.create, { body: { note: "door" } });
  const api = await client.call(tokens.create, {
    body: { note: "nightly job", acts: ["devices:read"], expiresInS: 60 },
  });
  return { claim: claim.token, api: api.token };
}

/** Lets time run out for every token of a table, as only the database can. */
async function expire(table: "claim_tokens" | "api_tokens"): Promise<void> {
  const client = new pg.Client({ connectionString: cloud.databaseUrl });
  await client.connect();
  try {
    await client.query(`update ${table} set expires_at = '2026-01-02T03:04:05Z'`);
  } finally {
    await client.end();
  }
}

async function startIn(name: string): Promise<Cloud> {
  const folder = join(scratch.path, name);
  await mkdir(folder);
  return await startCloud({ folder, ...ports });
}

beforeAll(async () => {
  scratch = await scratchFolder();
  ports = { httpPort: await freePort(), mqttPort: await freePort() };
  const other = await startIn("theirs");
  foreign = await makeSecrets(other.url);
  await other.stop();
  cloud = await startIn("ours");
});

afterAll(async () => {
  await cloud?.stop();
  await scratch?.remove();
});

describe("an agent", () => {
  const agent = async (name: string, claimToken: string, config = {}) => {
    const options = { name, claimToken, config, folder: scratch.path };
    const file = await writeAgentConfig({
      ...options,
      cloudUrl: cloud.url,
      fps: 1,
      httpPort: 0,
    });
    return { file, ended: await run("agent", ["run", "--config", file]) };
  };

  it("does not start with a claim token of another installation", async () => {
    const { ended } = await agent("cam-foreign", foreign.claim);
    expect(ended.err).toBe(
      "fieldloop-agent: this claim token is not known here: it may be mistyped or belong to another installation; create a new one with `fieldloop devices enrol-token create` or in the console\n",
    );
    expect(ended.code).toBe(1);
  });

  it("does not start with a claim token that has expired", async () => {
    const { claim } = await makeSecrets(cloud.url);
    await expire("claim_tokens");
    const { ended } = await agent("cam-late", claim);
    expect(ended.err).toMatch(
      /^fieldloop-agent: this claim token expired on 2026-01-02T03:04:05\.000Z; create a new one .*\n$/,
    );
    expect(ended.code).toBe(1);
  });

  it("does not start with a key in its configuration that it does not know", async () => {
    const { file, ended } = await agent("cam-typo", "unused", { camaras: [] });
    expect(ended.err).toMatch(/^[^\n]+\n$/);
    expect(ended.err).toContain(`${file}: unknown key "camaras"; allowed here: cloud, device,`);
    expect(ended.err).toContain("cameras");
    expect(ended.code).toBe(2);
  });
});

describe("the command line", () => {
  const list = (token: string) =>
    run("fieldloop", ["devices", "ls"], { FIELDLOOP_URL: cloud.url, FIELDLOOP_TOKEN: token });
  const statusOf = async (token: string) =>
    await createClient({ baseUrl: cloud.url, token })
      .call(tokens.list, {})
      .then(
        () => 200,
        (error: { status: number }) => error.status,
      );

  it("shows why a token of another installation is refused", async () => {
    expect(await statusOf(foreign.api)).toBe(401);
    const { code, out, err } = await list(foreign.api);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(
      "error: this API token is not known here: it may belong to another installation, or be mistyped\n",
    );
    expect(err).toContain("FIELDLOOP_TOKEN");
  });

  it("works with a token until it expires, and then names it", async () => {
    const { api } = await makeSecrets(cloud.url);
    expect((await list(api)).code).toBe(0);
    await expire("api_tokens");
    expect(await statusOf(api)).toBe(401);
    const { code, err } = await list(api);
    expect(code).toBe(1);
    expect(err).toContain(
      'error: the API token "nightly job" expired on 2026-01-02T03:04:05.000Z; create a new one\n',
    );
  });
});

describe("a second cloud", () => {
  const second = async (env: Readonly<Record<string, string>>) => {
    const folder = join(scratch.path, "second");
    const free = { FIELDLOOP_HTTP_PORT: "0", FIELDLOOP_MQTT_PORT: "0" };
    const ended = await run("cloud", [], { ...free, ...env, FIELDLOOP_DATA_DIR: folder });
    const files = await readdir(folder, { recursive: true });
    const has = (name: string) => files.some((file) => file.endsWith(name));
    const database = !has("PG_VERSION") ? "never made" : has("postmaster.pid") ? "left" : "stopped";
    return { ...ended, database };
  };

  it("ends with one line that names the setting when its HTTP port is taken", async () => {
    const port = String(ports.httpPort);
    expect(await second({ FIELDLOOP_HTTP_PORT: port })).toMatchObject({
      err: `fieldloop-cloud: port ${port} is taken; set FIELDLOOP_HTTP_PORT (--http-port) to another one\n`,
      code: 1,
      database: "stopped",
    });
  });

  it("ends with one line that names the setting when its MQTT port is taken", async () => {
    const port = String(ports.mqttPort);
    expect(await second({ FIELDLOOP_MQTT_PORT: port })).toMatchObject({
      err: `fieldloop-cloud: port ${port} on 127.0.0.1 is taken; set FIELDLOOP_MQTT_PORT to a free port for MQTT\n`,
      code: 1,
      database: "stopped",
    });
  });
});
