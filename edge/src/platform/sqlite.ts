/**
 * The one home of better-sqlite3. Databases here hold what may be lost with the disk but not with
 * the power: write-ahead log, `synchronous = NORMAL` (a power cut loses the last commits, never the
 * file), and a file that is corrupt all the same is put aside, not repaired by guessing.
 */
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import Sqlite from "better-sqlite3";

export type Database = Sqlite.Database;

/** An open database and, where a corrupt file was found, the path it was put aside under. */
export interface OpenedDatabase {
  readonly database: Database;
  readonly corruptFile: string | null;
}

/**
 * Opens (and creates) a database with its schema, which must be safe to apply again.
 * @param now names a corrupt file that is put aside
 * @throws what SQLite throws, other than corruption
 */
export function openDatabase(options: {
  readonly path: string;
  readonly schema: URL;
  readonly now: number;
}): OpenedDatabase {
  mkdirSync(dirname(options.path), { recursive: true });
  const schema = readFileSync(options.schema, "utf8");
  try {
    return { database: open(options.path, schema), corruptFile: null };
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    const corruptFile = `${options.path}.corrupt-${options.now}`;
    putAside(options.path, corruptFile);
    return { database: open(options.path, schema), corruptFile };
  }
}

/** Is this SQLite's way of saying that the disk (or the file's quota) is full? */
export function isDiskFull(error: unknown): boolean {
  const code = codeOf(error);
  return code === "SQLITE_FULL" || code === "SQLITE_IOERR_WRITE" || code === "ENOSPC";
}

/** Does another process hold the database? */
export function isInUse(error: unknown): boolean {
  return codeOf(error).startsWith("SQLITE_BUSY");
}

/** Is the file damaged, or no database at all? */
export function isCorrupt(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));
}

/** Runs a function whose commits reach the disk before it returns. */
export function durably<T>(database: Database, work: () => T): T {
  database.pragma("synchronous = FULL");
  try {
    return work();
  } finally {
    database.pragma("synchronous = NORMAL");
  }
}

function open(path: string, schema: string): Database {
  const database = new Sqlite(path, { timeout: 1000 });
  try {
    // One process at a time, which also spares the shared-memory file.
    database.pragma("locking_mode = EXCLUSIVE");
    // Only takes effect on an empty file: lets `incremental_vacuum` give space back bit by bit.
    database.pragma("auto_vacuum = INCREMENTAL");
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    database.pragma("journal_size_limit = 4194304");
    database.pragma("cache_size = -1024");
    const [first] = database.pragma("quick_check(1)") as { quick_check: string }[]; // pragma's row
    if (first?.quick_check !== "ok")
      throw Object.assign(new Error(`quick_check: ${first?.quick_check}`), {
        code: "SQLITE_CORRUPT",
      });
    database.exec(schema);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function putAside(path: string, corruptFile: string): void {
  renameSync(path, corruptFile);
  for (const part of ["-wal", "-shm"])
    if (existsSync(path + part)) renameSync(path + part, corruptFile + part);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return "";
  return String(error.code);
}
