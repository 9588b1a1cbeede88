/**
 * The file-system calls of everything that must survive a power cut, behind one small interface, so
 * that a test can cut the power before any of them.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { dirname } from "node:path";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { sha256OfFile } from "@fieldloop/shared-node/crypto/sha256";

/** A file that is being written piece by piece; `close` makes it durable. */
export interface FileSink {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** What the durable parts of the agent may do with files. Every method names the file in its errors. */
export interface Files {
  /** The content, or `undefined` where there is no such file. */
  read(path: string): Promise<Buffer | undefined>;
  /** Replaces the file as a whole or not at all, and returns once it would survive a power cut. */
  writeAtomic(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  /** Opens a file for appending, creating its folder; `truncate` starts it anew. */
  append(path: string, truncate: boolean): Promise<FileSink>;
  /** Size in bytes, or `undefined` where there is no such file. */
  size(path: string): Promise<number | undefined>;
  sha256(path: string): Promise<string>;
  /** Renames within one file system and makes the new name durable. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a folder with all in it; nothing there is fine. */
  remove(path: string): Promise<void>;
  /** Names in a folder, sorted; empty where there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
}

/** `writeAtomic` for callers that may not go on before it is done, and cannot wait. Small files only. */
export function writeAtomicSync(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.tmp`;
  const handle = openSync(temporary, "w", 0o644);
  try {
    writeSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, path);
}

/** The real file system. */
export const realFiles: Files = {
  read: (path) => unlessMissing(() => readFile(path), path, "read"),
  writeAtomic: (path, content, mode = 0o644) => writeAtomic(path, content, mode),
  append: (path, truncate) => openSink(path, truncate),
  size: async (path) => (await unlessMissing(() => stat(path), path, "look at"))?.size,
  sha256: async (path) => (await named(() => sha256OfFile(path), path, "read")).digest,
  rename: (from, to) => renameDurably(from, to),
  remove: (path) => named(() => rm(path, { recursive: true, force: true }), path, "remove"),
  list: async (folder) =>
    ((await unlessMissing(() => readdir(folder), folder, "list")) ?? []).toSorted(),
};

/**
 * Temporary file, fsync, rename, fsync of the folder: without the first fsync a power cut may leave
 * an empty file under the final name, without the second one the old file.
 */
async function writeAtomic(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  await named(
    async () => {
      await mkdir(dirname(path), { recursive: true });
      const temporary = `${path}.tmp`;
      // A leftover of a crash may carry another mode, or be a link to somewhere else.
      if (await exists(temporary)) await rm(temporary, { recursive: true });
      const handle = await open(temporary, "wx", mode);
      try {
        await handle.writeFile(content);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
      await syncFolder(dirname(path));
    },
    path,
    "write",
  );
}

async function openSink(path: string, truncate: boolean): Promise<FileSink> {
  await named(() => mkdir(dirname(path), { recursive: true }), dirname(path), "create");
  const handle: FileHandle = await named(() => open(path, truncate ? "w" : "a"), path, "open");
  return {
    write: (chunk) => named(() => writeAll(handle, chunk), path, "write"),
    close: () =>
      named(
        async () => {
          try {
            await handle.sync();
          } finally {
            await handle.close();
          }
        },
        path,
        "close",
      ),
  };
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, done);
    done += bytesWritten;
  }
}

async function renameDurably(from: string, to: string): Promise<void> {
  await named(
    async () => {
      await mkdir(dirname(to), { recursive: true });
      await rename(from, to);
      await syncFolder(dirname(to));
    },
    to,
    "rename to",
  );
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return (await unlessMissing(() => lstat(path), path, "look at")) !== undefined;
}

async function unlessMissing<T>(
  work: () => Promise<T>,
  path: string,
  verb: string,
): Promise<T | undefined> {
  return named(
    async () => {
      try {
        return await work();
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
    path,
    verb,
  );
}

async function named<T>(work: () => Promise<T>, path: string, verb: string): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError({
      code: "file-failed",
      message: `cannot ${verb} ${path}: ${messageOf(cause)}`,
      status: 500,
      retryable: true,
      cause,
    });
  }
}
