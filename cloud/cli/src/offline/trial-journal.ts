/**
 * What a search has tried, in a file beside its result: a compilation that was broken off goes on
 * where it stopped. The file appears with the first trial and goes when the result is written.
 */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import type { Trial } from "@fieldloop/cloud/models/compiler/budget";
import * as z from "zod/mini";

const journal = z.object({
  key: z.string(),
  trials: z.array(z.object({ of: z.string(), float: z.array(z.string()), lossPoints: z.number() })),
});

const pathOf = (out: string): string => `${out.replace(/[/\\]+$/, "")}.trials.json`;

/** @param key names model, samples and settings: trials of anything else do not count */
export async function readTrials(out: string, key: string): Promise<readonly Trial[]> {
  const text = await readFile(pathOf(out), "utf8").catch(() => ""); // mostly there is none
  if (text === "") return [];
  try {
    const found = journal.safeParse(JSON.parse(text));
    return found.success && found.data.key === key ? found.data.trials : [];
  } catch {
    return []; // cut short by what broke the search off: the trials are made again
  }
}

let last: Promise<void> = Promise.resolve();

/** Writes one after another, each whole. */
export function saveTrials(out: string, key: string, trials: readonly Trial[]): Promise<void> {
  const path = pathOf(out);
  const text = JSON.stringify({ key, trials });
  last = last.then(async () => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  });
  return last;
}

export async function forgetTrials(out: string): Promise<void> {
  await rm(pathOf(out), { force: true });
}
