import type { Compilation } from "@fieldloop/shared/contract/compilations";
import { type Selectable, sql } from "kysely";
import type { Db, Tables } from "../../platform/db.ts";
import type { Push } from "../registry/registry.ts";
import type { Job, Wish } from "./compilation.ts";

declare module "../../platform/db.ts" {
  interface Tables {
    compilations: {
      id: string;
      name: string;
      version: string;
      state: string;
      stage: string | null;
      share: number;
      spec: unknown;
      model: string;
      samples: unknown;
      goldens: readonly string[];
      loss_points_max: number;
      kinds: readonly string[];
      attempts: number;
      trials: unknown;
      push: unknown;
      error: string | null;
      created_at: Date;
      created_by: string;
      finished_at: Date | null;
    };
  }
}

/** Any fixed number: whoever holds this advisory lock may add to the queue. */
const queueLock = 7_301_848;
const open = ["queued", "running"];

const shown = [
  "id",
  "name",
  "version",
  "state",
  "stage",
  "share",
  "loss_points_max",
  "kinds",
  "error",
  "created_at",
  "created_by",
  "finished_at",
] as const;
const counted = sql<number>`jsonb_array_length(samples)`.as("samples_count");

type Shown = Pick<Selectable<Tables["compilations"]>, (typeof shown)[number]> & {
  readonly samples_count: number;
};

function viewOf(row: Shown): Compilation {
  const { loss_points_max, samples_count, created_at, created_by, finished_at, ...same } = row;
  return {
    ...same,
    state: row.state as Compilation["state"], // these three were written by this module
    stage: row.stage as Compilation["stage"],
    kinds: [...row.kinds] as Compilation["kinds"],
    samples: samples_count,
    lossPointsMax: loss_points_max,
    createdAt: created_at.getTime(),
    createdBy: created_by,
    finishedAt: finished_at?.getTime() ?? null,
  };
}

/** Lets nobody else add to the queue until the transaction ends. */
export async function lockQueue(tx: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(${queueLock})`.execute(tx);
}

export async function countWaiting(db: Db): Promise<number> {
  const { waiting } = await db
    .selectFrom("compilations")
    .select((eb) => eb.fn.countAll<number>().as("waiting"))
    .where("state", "=", "queued")
    .executeTakeFirstOrThrow();
  return waiting;
}

/** The compilation of a version that has not ended, or `undefined`. */
export async function findOpen(
  db: Db,
  name: string,
  version: string,
): Promise<Compilation | undefined> {
  const row = await db
    .selectFrom("compilations")
    .select([...shown, counted])
    .where("name", "=", name)
    .where("version", "=", version)
    .where("state", "in", open)
    .executeTakeFirst();
  return row && viewOf(row);
}

/** Adds a compilation to the end of the queue. */
export async function insertCompilation(
  tx: Db,
  { id, wish, by }: { readonly id: string; readonly wish: Wish; readonly by: string },
  now: number,
): Promise<void> {
  await tx
    .insertInto("compilations")
    .values({
      id,
      name: wish.spec.name,
      version: wish.spec.version,
      state: "queued",
      stage: null,
      share: 0,
      spec: JSON.stringify(wish.spec),
      model: wish.model,
      samples: JSON.stringify(wish.samples),
      goldens: wish.goldens,
      loss_points_max: wish.lossPointsMax,
      kinds: [...new Set(wish.kinds)],
      attempts: 0,
      trials: "[]",
      push: null,
      error: null,
      created_at: new Date(now),
      created_by: by,
      finished_at: null,
    })
    .execute();
}

/** Newest first. */
export async function listCompilations(db: Db, limit: number): Promise<Compilation[]> {
  const rows = await db
    .selectFrom("compilations")
    .select([...shown, counted])
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return rows.map(viewOf);
}

export async function findCompilation(db: Db, id: string): Promise<Compilation | undefined> {
  const row = await db
    .selectFrom("compilations")
    .select([...shown, counted])
    .where("id", "=", id)
    .executeTakeFirst();
  return row && viewOf(row);
}

/** Takes the one that has waited longest and counts an attempt; `undefined` where none waits. */
export async function claimNext(db: Db): Promise<Job | undefined> {
  const row = await db
    .updateTable("compilations")
    .set((eb) => ({ state: "running", attempts: eb("attempts", "+", 1), stage: null, share: 0 }))
    .where("id", "=", (eb) =>
      eb
        .selectFrom("compilations")
        .select("id")
        .where("state", "=", "queued")
        .orderBy("created_at")
        .orderBy("id")
        .limit(1)
        .forUpdate()
        .skipLocked(),
    )
    .returning([...shown, counted, "spec", "model", "samples", "goldens", "attempts", "trials"])
    .returning("push")
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { spec, model, samples, goldens, attempts, trials, push, ...rest } = row;
  return {
    view: viewOf(rest),
    spec: spec as Job["spec"], // all of these were written by this module, from parsed values
    model,
    samples: samples as Job["samples"],
    goldens,
    kinds: rest.kinds as Job["kinds"],
    attempts,
    trials: trials as Job["trials"],
    push: (push ?? undefined) as Job["push"],
  };
}

/** @returns whether it still runs: nothing is written where it was cancelled */
export async function saveProgress(
  db: Db,
  id: string,
  { stage, share }: Pick<Compilation, "stage" | "share">,
): Promise<boolean> {
  return await change(db, id, ["running"], { stage, share });
}

/** Keeps a trial of the search for a later attempt. */
export async function appendTrial(db: Db, id: string, trial: unknown): Promise<void> {
  const more = JSON.stringify([trial]);
  await db
    .updateTable("compilations")
    .set({ trials: sql`trials || ${more}::jsonb` })
    .where("id", "=", id)
    .execute();
}

/** From here on it is registered and cannot be cancelled. @returns false where it was cancelled */
export async function savePush(db: Db, id: string, push: Push): Promise<boolean> {
  return await change(db, id, ["running"], { push: JSON.stringify(push) });
}

/** Ends a compilation that runs. @returns false where it had ended */
export async function endCompilation(
  db: Db,
  id: string,
  end: { readonly state: "succeeded" | "failed"; readonly error: string | null },
  now: number,
): Promise<boolean> {
  return await change(db, id, ["running"], { ...end, finished_at: new Date(now) });
}

/** @returns false where it has ended, or runs and is being registered */
export async function cancelOpen(tx: Db, id: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("compilations")
    .set({ state: "cancelled", finished_at: new Date(now) })
    .where("id", "=", id)
    .where((eb) =>
      eb.or([
        eb("state", "=", "queued"),
        eb.and([eb("state", "=", "running"), eb("push", "is", null)]),
      ]),
    )
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Puts one that runs back into the queue, to its old place. */
export async function requeue(db: Db, id: string, options: { readonly counts: boolean }) {
  await db
    .updateTable("compilations")
    .set((eb) => ({
      state: "queued",
      stage: null,
      share: 0,
      attempts: options.counts ? eb.ref("attempts") : eb("attempts", "-", 1),
    }))
    .where("id", "=", id)
    .where("state", "=", "running")
    .execute();
}

/** Those that are said to run, with the attempts they had. */
export async function listRunning(db: Db) {
  return await db
    .selectFrom("compilations")
    .select(["id", "attempts"])
    .where("state", "=", "running")
    .execute();
}

/** Forgets those that ended before `before`; what they registered stays. */
export async function expireCompilations(db: Db, before: Date): Promise<void> {
  await db.deleteFrom("compilations").where("finished_at", "<", before).execute();
}

async function change(
  db: Db,
  id: string,
  states: readonly string[],
  values: Partial<Tables["compilations"]>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("compilations")
    .set(values)
    .where("id", "=", id)
    .where("state", "in", [...states])
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
