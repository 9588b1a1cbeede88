import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "@fieldloop/shared/errors";
import pg from "pg";

/** Any fixed number: whoever holds this advisory lock migrates. */
const migrationLock = 7_301_846;
const folder = fileURLToPath(new URL("../../migrations/", import.meta.url));

/**
 * Brings the schema up to date: plain SQL files `NNNN-title.sql`, forward only, each in its own
 * transaction, under an advisory lock so that several processes can start at once.
 * @returns names of the files that were run
 */
export async function migrate(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [migrationLock]);
    await client.query(
      "create table if not exists migrations (name text primary key, at timestamptz not null default now())",
    );
    const done = await client.query<{ name: string }>("select name from migrations");
    const known = new Set(done.rows.map((row) => row.name));
    const files = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
    refuseNewer(known, files);
    const missing = files.filter((name) => !known.has(name));
    for (const name of missing) await run(client, name);
    return missing;
  } finally {
    await client.end();
  }
}

async function run(client: pg.Client, name: string): Promise<void> {
  const text = await readFile(join(folder, name), "utf8");
  await client.query("begin");
  try {
    await client.query(text);
    await client.query("insert into migrations (name) values ($1)", [name]);
    await client.query("commit");
  } catch (cause) {
    await client.query("rollback");
    throw new AppError({ code: "migration", message: `migration ${name} failed: ${cause}`, cause });
  }
}

function refuseNewer(known: ReadonlySet<string>, files: readonly string[]): void {
  const foreign = [...known].filter((name) => !files.includes(name));
  if (foreign.length > 0)
    throw new AppError({
      code: "schema-newer",
      message: `the database was migrated by a newer fieldloop (${foreign.join(", ")}); start that version or restore a backup`,
    });
}
