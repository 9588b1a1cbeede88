/** Where the update to one model stands; survives a crash, and remembers what was given up. */
import { count, sha256, slug, timeMs } from "@fieldloop/shared/ids";
import { updatePhases } from "@fieldloop/shared/messages/control";
import * as z from "zod/mini";
import type { Files } from "../../platform/files.ts";
import { noProgress } from "./plan.ts";

const target = z.strictObject({
  name: slug,
  version: z.string(),
  manifest: sha256,
  manifestBytes: count,
});
/** The model that is wanted, as the desired document names it. */
export type Target = z.infer<typeof target>;

const journalSchema = z.strictObject({
  v: z.literal(1),
  target,
  phase: z.enum(updatePhases),
  /** Why it failed or was rolled back. */
  reason: z.nullable(z.string()),
  at: timeMs,
  progress: z.strictObject({
    testStarts: count,
    probationStarts: count,
    probation: z.enum(["none", "running", "passed", "failed"]),
    corrupt: count,
    givenUp: z.boolean(),
  }),
});
export type Journal = z.infer<typeof journalSchema>;

/** A journal that cannot be read counts as none: the disk itself says what is done. */
export async function readJournal(files: Files, path: string): Promise<Journal | undefined> {
  const bytes = await files.read(path);
  if (bytes === undefined) return undefined;
  try {
    return journalSchema.parse(JSON.parse(bytes.toString("utf8")));
  } catch {
    return undefined; // begun anew by the caller
  }
}

export function writeJournal(files: Files, path: string, journal: Journal): Promise<void> {
  return files.writeAtomic(path, JSON.stringify(journal));
}

/** The first entry for a model that has come to be wanted. */
export function beginJournal(wanted: Target, now: number): Journal {
  return {
    v: 1,
    target: wanted,
    phase: "downloading",
    reason: null,
    at: now,
    progress: { ...noProgress },
  };
}
