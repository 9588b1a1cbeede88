import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@fieldloop/shared/errors";

/**
 * Takes the data folder for this process, so that two clouds never write to the same one. The lock
 * of a process that no longer lives is taken over.
 * @returns a function that gives the folder back
 */
export async function takeFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "cloud.pid");
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(file, String(process.pid), { flag: "wx" });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // node: errors carry a code
      await refuseLiving(file, folder);
    }
  }
  throw taken(folder, "another process");
}

async function refuseLiving(file: string, folder: string): Promise<void> {
  const pid = Number(await readFile(file, "utf8").catch(() => ""));
  if (pid > 0 && pid !== process.pid && lives(pid)) throw taken(folder, `process ${pid}`);
  await rm(file, { force: true });
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // alive, but somebody else's
  }
}

function taken(folder: string, by: string): AppError {
  return new AppError({
    code: "data-dir-taken",
    message: `the data folder ${folder} is in use by ${by}; stop it or set FIELDLOOP_DATA_DIR`,
  });
}
