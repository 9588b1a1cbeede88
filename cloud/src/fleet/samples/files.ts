/** Pictures of samples: one file each, in a folder of their device. */
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

export interface SampleFiles {
  /**
   * Writes a piece at its place and returns once it would survive a power cut; a piece that came before
   * and was not acknowledged is written over.
   */
  write(device: string, digest: string, offset: number, bytes: Uint8Array): Promise<void>;
  readPart(device: string, digest: string, bytes: number): Promise<Buffer>;
  /** The part is the picture from now on. */
  finish(device: string, digest: string): Promise<void>;
  /** `undefined` where the file is gone. */
  read(device: string, digest: string): Promise<Buffer | undefined>;
  remove(device: string, digest: string): Promise<void>;
}

/** @param folder holds a folder for each device; names are slugs and digests, so they need no care */
export function createSampleFiles(folder: string): SampleFiles {
  const at = (device: string, digest: string, end: "part" | "jpg") =>
    join(folder, device, `${digest}.${end}`);
  return {
    write: async (device, digest, offset, bytes) => {
      await mkdir(join(folder, device), { recursive: true });
      const path = at(device, digest, "part");
      const handle = await open(path, offset === 0 ? "w" : "r+");
      try {
        await handle.write(bytes, 0, bytes.length, offset);
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    readPart: async (device, digest, bytes) =>
      (await readFile(at(device, digest, "part"))).subarray(0, bytes),
    finish: async (device, digest) => {
      await rename(at(device, digest, "part"), at(device, digest, "jpg"));
      const handle = await open(join(folder, device), "r");
      await handle.sync().finally(() => handle.close());
    },
    read: (device, digest) =>
      readFile(at(device, digest, "jpg")).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return undefined;
        throw error;
      }),
    remove: async (device, digest) => {
      await rm(at(device, digest, "part"), { force: true });
      await rm(at(device, digest, "jpg"), { force: true });
    },
  };
}
