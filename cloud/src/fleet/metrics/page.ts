import { AppError } from "@fieldloop/shared/errors";
import type { RowPlace } from "../ingest/reads.ts";

/** Writes where a page ended, opaque to clients. */
export function encodePlace({ receivedAt, epoch, seq }: RowPlace): string {
  return Buffer.from([receivedAt, epoch, seq].join(".")).toString("base64url");
}

/** @throws AppError `cursor` where it is none of ours */
export function decodePlace(cursor: string | undefined): RowPlace | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, "base64url").toString("latin1");
  const [, receivedAt, epoch, seq] = /^(\d{1,15})\.(\d{1,16})\.(\d{1,16})$/.exec(text) ?? [];
  if (seq === undefined) throw wrongCursor();
  return { receivedAt: Number(receivedAt), epoch: Number(epoch), seq: Number(seq) };
}

/** A cursor that is a row's number. @throws AppError `cursor` */
export function decodeId(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  if (!/^\d{1,15}$/.test(cursor)) throw wrongCursor();
  return Number(cursor);
}

function wrongCursor(): AppError {
  return new AppError({
    code: "cursor",
    message: "cursor is not one this server gave; leave it out to begin with the first page",
  });
}

/** One page of rows of which one more than `limit` was asked for, to see whether there are more. */
export function pageFrom<Row>(
  rows: readonly { readonly place: RowPlace; readonly row: Row }[],
  limit: number,
): { items: Row[]; next: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = rows.length > limit && last !== undefined ? encodePlace(last.place) : null;
  return { items: page.map(({ row }) => row), next };
}
