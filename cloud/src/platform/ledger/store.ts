import type { Scope } from "@fieldloop/shared/permissions";
import { type Generated, sql } from "kysely";
import type { Db } from "../db.ts";
import { type AuditEntry, chainHash } from "./ledger.ts";

declare module "../db.ts" {
  interface Tables {
    audit: {
      id: Generated<number>;
      at: Date;
      actor: string;
      act: string;
      subject: string;
      detail: unknown;
      hash: string;
    };
    lineage: {
      id: Generated<number>;
      at: Date;
      subject: string;
      relation: string;
      object: string;
    };
  }
}

/** Any fixed number: audit rows are chained, so they are written one transaction at a time. */
const auditLock = 7_301_847;

/** Writes an audit row inside the act's own transaction. `tx` must be a transaction. */
export async function appendAudit(tx: Db, entry: AuditEntry, now: number): Promise<void> {
  await sql`select pg_advisory_xact_lock(${auditLock})`.execute(tx);
  const last = await tx
    .selectFrom("audit")
    .select("hash")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  const at = new Date(now);
  const hash = chainHash(last?.hash ?? "", at, entry);
  await tx
    .insertInto("audit")
    .values({ ...entry, at, detail: JSON.stringify(entry.detail), hash })
    .execute();
}

/** Writes one edge of the lineage graph, `subject relation object`, inside the act's transaction. */
export async function appendLineage(
  tx: Db,
  edge: { readonly subject: string; readonly relation: string; readonly object: string },
  now: number,
): Promise<void> {
  await tx
    .insertInto("lineage")
    .values({ ...edge, at: new Date(now) })
    .execute();
}

/** Audit rows below `before` (newest first). */
export async function listAudit(db: Db, limit: number, before: number | undefined) {
  let query = db.selectFrom("audit").selectAll().orderBy("id", "desc").limit(limit);
  if (before !== undefined) query = query.where("id", "<", before);
  return await query.execute();
}

/**
 * The same, limited to what `view.scope` covers: entries whose detail names a site and group within
 * it (acts on devices do), and the actor's own.
 */
export async function listAuditInScope(
  db: Db,
  view: { readonly actor: string; readonly scope: Scope },
  limit: number,
  before: number | undefined,
) {
  const { sites, groups } = view.scope;
  if (sites === null && groups === null) return await listAudit(db, limit, before);
  let query = db
    .selectFrom("audit")
    .selectAll()
    .orderBy("id", "desc")
    .limit(limit)
    .where(
      sql<boolean>`(actor = ${view.actor} or (subject like 'device:%'
        and (${sites}::text[] is null or detail->>'site' = any(${sites}::text[]))
        and (${groups}::text[] is null or detail->>'group' = any(${groups}::text[]))))`,
    );
  if (before !== undefined) query = query.where("id", "<", before);
  return await query.execute();
}
