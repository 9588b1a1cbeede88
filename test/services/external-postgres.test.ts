/** `DATABASE_URL`: the same cloud on a PostgreSQL that somebody else runs, of the oldest version allowed. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { devices } from "@fieldloop/shared/contract/devices";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adminClient,
  type Cloud,
  freePort,
  scratchFolder,
  startCloud,
} from "../support/processes.ts";

const programs = "/usr/lib/postgresql/15/bin";
const present = existsSync(join(programs, "initdb"));
if (!present) console.log(`skipping PostgreSQL 15: there is no ${programs}/initdb`);

/** PostgreSQL does not run as root: root lends it the user postgres. */
function asOwner(command: string, ...args: string[]): void {
  const root = process.getuid?.() === 0;
  const [program, given] = root
    ? ["runuser", ["-u", "postgres", "--", join(programs, command), ...args]]
    : [join(programs, command), args];
  execFileSync(program, given, { stdio: "ignore", cwd: "/tmp" });
}

describe.skipIf(!present)("an external PostgreSQL 15 (skipped where it is absent)", () => {
  const folder = mkdtempSync(join(tmpdir(), "fieldloop-pg15-"));
  const cluster = join(folder, "cluster");
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let cloud: Cloud;
  let url: string;

  beforeAll(async () => {
    scratch = await scratchFolder();
    mkdirSync(cluster);
    chmodSync(folder, 0o755);
    if (process.getuid?.() === 0) execFileSync("chown", ["postgres", cluster]);
    const port = await freePort();
    asOwner("initdb", "-D", cluster, "-A", "trust", "-U", "postgres", "-E", "UTF8");
    const options = `-h 127.0.0.1 -p ${port} -k ${cluster}`;
    asOwner("pg_ctl", "-D", cluster, "-w", "-o", options, "-l", join(cluster, "log"), "start");
    url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    const ports = { httpPort: await freePort(), mqttPort: await freePort() };
    cloud = await startCloud({ folder: scratch.path, ...ports, env: { DATABASE_URL: url } });
  });

  afterAll(async () => {
    await cloud?.stop();
    asOwner("pg_ctl", "-D", cluster, "-m", "immediate", "stop");
    rmSync(folder, { recursive: true, force: true });
    await scratch?.remove();
  });

  it("serves from it, with every migration applied", async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query("select name from migrations order by name");
    await client.end();
    expect(rows[0]).toEqual({ name: "0001-platform.sql" });
    expect(rows.length).toBeGreaterThanOrEqual(5);
    const page = await adminClient(cloud.url).call(devices.list, { query: {} });
    expect(page.total).toBe(0);
  });

  it("starts no database of its own", () => {
    expect(existsSync(join(scratch.path, "cloud", "postgres"))).toBe(false);
  });
});
