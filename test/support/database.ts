import { randomUUID } from "node:crypto";
import { type OpenDb, openDb } from "@fieldloop/cloud/platform/db";
import pg from "pg";
import { afterAll, inject } from "vitest";

/** A fresh database with the whole schema for this test file, dropped afterwards. */
export async function testDatabase(): Promise<OpenDb & { readonly url: string }> {
  const serverUrl = inject("postgresUrl");
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await admin(serverUrl, `create database ${name} template template_fieldloop strategy file_copy`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const open = openDb(url.href);
  afterAll(async () => {
    await open.close();
    await admin(serverUrl, `drop database ${name} with (force)`);
  });
  return { ...open, url: url.href };
}

async function admin(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
