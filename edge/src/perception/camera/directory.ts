/**
 * A folder of images as a camera: what lies in it in natural order ("2.jpg" before "10.jpg"), then
 * whatever is added. The folder is polled, which works on every file system.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "@fieldloop/shared/errors";
import { defaultImageLimits } from "@fieldloop/shared-node/image";
import { sleep } from "./camera.ts";
import { type FrameSink, type FrameSource, frameIdCharsMax, sourceFailed } from "./source.ts";

export interface DirectoryOptions {
  readonly folder: string;
  /** Starts again from the first file after the last one; otherwise no file is read twice. */
  readonly loop?: boolean;
  /** Time from one frame to the next; `null` hands them over as fast as they are taken. */
  readonly periodMs?: number | null;
  readonly pollMs?: number;
  /** A file that changed less long ago may still be being written and is left for the next look. */
  readonly settleMs?: number;
  readonly frameBytesMax?: number;
  readonly now?: () => number;
}

const extensions = /\.(jpe?g|png|webp|tiff?)$/i;
const naturally = new Intl.Collator("en", { numeric: true });

/** Image files among the names of a folder, in natural order; hidden ones are left out. */
export function imageNames(names: readonly string[]): string[] {
  return names
    .filter((name) => extensions.test(name) && !name.startsWith("."))
    .sort((a, b) => naturally.compare(a, b) || (a < b ? -1 : 1));
}

/** Creates the source. A missing folder is an error that is tried again. */
export function directorySource(options: DirectoryOptions): FrameSource {
  return { stallMsMax: null, run: (sink, signal) => run(options, sink, signal) };
}

async function run(options: DirectoryOptions, sink: FrameSink, signal: AbortSignal): Promise<void> {
  const { loop = false, periodMs = null, pollMs = 500 } = options;
  let seen = new Set<string>();
  let due = performance.now();
  while (!signal.aborted) {
    const present = await list(options.folder);
    // Names that are gone are forgotten, so the set is never larger than the folder.
    seen = new Set(present.filter((name) => seen.has(name)));
    const fresh = present.filter((name) => !seen.has(name));
    for (const name of fresh) {
      if (signal.aborted) return;
      if (!(await handOver(options, name, sink))) continue;
      seen.add(name);
      if (periodMs === null) continue;
      due = Math.max(due + periodMs, performance.now());
      await sleep(due - performance.now(), signal);
    }
    if (loop && present.length > 0 && seen.size === present.length) seen.clear();
    else await sleep(pollMs, signal);
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return imageNames(await readdir(folder));
  } catch (cause) {
    throw sourceFailed(`the camera's folder ${folder} cannot be read: ${messageOf(cause)}`, cause);
  }
}

/** Reads one file and hands it over; `false` leaves it for the next look. */
async function handOver(
  options: DirectoryOptions,
  name: string,
  sink: FrameSink,
): Promise<boolean> {
  const {
    folder,
    now = Date.now,
    settleMs = 100,
    frameBytesMax = defaultImageLimits.frameBytesMax,
  } = options;
  const id = name.slice(-frameIdCharsMax);
  try {
    const { size, mtimeMs } = await stat(join(folder, name));
    if (Math.abs(now() - mtimeMs) < settleMs) return false;
    if (size > frameBytesMax) {
      sink.dropped(id, "oversized");
      return true;
    }
    const bytes = await readFile(join(folder, name));
    await sink.frame({ id, capturedAt: now(), image: { kind: "encoded", bytes } });
  } catch (cause) {
    const message = `the file ${name} cannot be read: ${messageOf(cause)}`;
    sink.failed(id, sourceFailed(message, cause));
  }
  return true;
}
