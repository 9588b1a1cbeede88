/** How the device is: load, temperature, memory, disk. */
import { readFile, statfs } from "node:fs/promises";
import { loadavg } from "node:os";

export interface Vitals {
  readonly rssBytes: number;
  readonly uptimeS: number;
  readonly loadAverage: number;
  /** The hottest of the profile's sensors; `null` where none can be read. */
  readonly temperatureC: number | null;
  /** Of the file system that holds the agent's data. */
  readonly diskFreeBytes: number | null;
}

/**
 * Measures once.
 * @param thermalFiles files that hold thousandths of a degree Celsius
 */
export async function readVitals(options: {
  readonly dataDir: string;
  readonly thermalFiles: readonly string[];
}): Promise<Vitals> {
  return {
    rssBytes: process.memoryUsage.rss(),
    uptimeS: Math.floor(process.uptime()),
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    temperatureC: await hottest(options.thermalFiles),
    diskFreeBytes: await freeBytes(options.dataDir),
  };
}

async function hottest(files: readonly string[]): Promise<number | null> {
  const readings = await Promise.all(files.map(readCelsius));
  const known = readings.filter((reading) => reading !== undefined);
  return known.length === 0 ? null : Math.max(...known);
}

async function readCelsius(path: string): Promise<number | undefined> {
  try {
    const thousandths = Number.parseInt(await readFile(path, "utf8"), 10);
    // Sensors that are switched off say absurd things.
    const sane = thousandths > -60_000 && thousandths < 200_000;
    return sane ? Math.round(thousandths / 100) / 10 : undefined;
  } catch {
    return undefined; // a board without this sensor has simply none
  }
}

async function freeBytes(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return null; // reported as unknown
  }
}
