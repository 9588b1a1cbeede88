import { createHash } from "node:crypto";

/** One act of a person, token or the system. */
export interface AuditEntry {
  readonly actor: string;
  readonly act: string;
  /** What it was done to, as `kind:id`. */
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Hash that links an audit row to the one before it (hexadecimal SHA-256). */
export function chainHash(previous: string, at: Date, entry: AuditEntry): string {
  const text = JSON.stringify([
    previous,
    at.toISOString(),
    entry.actor,
    entry.act,
    entry.subject,
    sorted(entry.detail),
  ]);
  return createHash("sha256").update(text).digest("hex");
}

/** PostgreSQL's jsonb does not keep the order of keys, so the hash must not depend on it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, sorted(item)]);
}
