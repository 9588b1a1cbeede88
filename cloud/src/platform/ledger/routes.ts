import { audit } from "@fieldloop/shared/contract/people";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyInstance } from "fastify";
import * as z from "zod/mini";
import type { Platform } from "../context.ts";
import { implement } from "../http.ts";
import { listAuditInScope } from "./store.ts";

const storedDetail = z.record(z.string(), z.unknown());

/** The audit log. Whoever sees part of the fleet sees acts on that part, and their own. */
export function auditRoutes(app: FastifyInstance, platform: Platform): void {
  implement(app, platform.idempotency, audit, {
    list: async ({ query, caller }) => {
      const before = query.cursor === undefined ? undefined : Number(query.cursor);
      if (before !== undefined && !Number.isSafeInteger(before)) throw badCursor();
      const view = { actor: caller.name, scope: caller.scope };
      const rows = await listAuditInScope(platform.db, view, query.limit + 1, before);
      const items = rows.slice(0, query.limit).map((row) => ({
        id: String(row.id),
        at: row.at.getTime(),
        actor: row.actor,
        act: row.act,
        subject: row.subject,
        detail: storedDetail.parse(row.detail),
      }));
      return { items, next: rows.length > query.limit ? (items.at(-1)?.id ?? null) : null };
    },
  });
}

function badCursor(): AppError {
  return new AppError({
    code: "cursor",
    message: "`cursor` must be the `next` of an earlier page",
  });
}
