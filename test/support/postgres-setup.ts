import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate } from "@fieldloop/cloud/platform/migrate";
import { startPostgres } from "@fieldloop/cloud/platform/postgres";
import pg from "pg";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of the server; the database `template_fieldloop` holds the migrated schema. */
    postgresUrl: string;
  }
}

/** One PostgreSQL for the whole run; each test file clones its own database from the template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "fieldloop-test-pg-"));
  await chmod(folder, 0o755); // the unprivileged server must reach its cluster inside
  const postgres = await startPostgres(join(folder, "pg"), () => {});
  const teardown = async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await makeTemplate(postgres.url);
  } catch (error) {
    await teardown();
    throw error;
  }
  project.provide("postgresUrl", postgres.url);
  return teardown;
}

async function makeTemplate(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query("create database template_fieldloop");
  await client.end();
  const template = new URL(serverUrl);
  template.pathname = "/template_fieldloop";
  await migrate(template.href);
}
