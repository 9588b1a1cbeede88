import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";

/**
 * Every table of the cloud. Each module adds its own by declaration merging
 * (`declare module "…/platform/db.ts" { interface Tables { … } }`), so that a table's shape stands
 * beside the store that owns it.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface Tables {}

/** A database or a transaction on it: stores take it first, so the caller owns the transaction. */
export type Db = Kysely<Tables>;

/** Connections one process may hold. */
const poolSizeMax = 16;

/** int8 and numeric counts stay below 2^53 here, so they are read as numbers. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export interface OpenDb {
  readonly db: Db;
  /** Answers whether the server is reachable. */
  readonly ping: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Opens a pool on a PostgreSQL URL (version 15 or later). Connects on first use. */
export function openDb(url: string, onError: (error: Error) => void = () => {}): OpenDb {
  const pool = new pg.Pool({ connectionString: url, max: poolSizeMax });
  pool.on("error", onError); // an idle connection that breaks must not end the process
  pool.on("connect", (client) => client.on("error", onError)); // nor one that is in use
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return {
    db,
    ping: async () => {
      await sql`select 1`.execute(db);
    },
    close: () => db.destroy(),
  };
}
