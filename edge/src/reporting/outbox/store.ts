/** The outbox's SQL. Every function is one statement or one transaction of the caller. */
import type { Database } from "../../platform/sqlite.ts";
import type { RowClass, SkippedRange, StoredRow } from "./batch.ts";
import type { Range } from "./ranges.ts";

/** What a row costs besides its body, roughly: key, class, kind and the index. */
export const rowOverheadBytes = 64;

/** Prepared statements of one open database. */
export function openStore(database: Database) {
  const rowBytes = `length(cast(body as blob)) + ${rowOverheadBytes}`;
  const insertRow = database.prepare("insert into rows values (?, ?, ?, ?, ?)");
  const usage = database.prepare(
    `select count(*) as rows, coalesce(sum(${rowBytes}), 0) as bytes from rows`,
  );
  const oldest = database.prepare(
    `select epoch, seq, ${rowBytes} as bytes from rows where class = ? order by epoch, seq limit ?`,
  );
  const deleteRange = database.prepare(
    `delete from rows where epoch = ? and seq between ? and ? returning ${rowBytes} as bytes`,
  );
  const deleteOne = database.prepare("delete from rows where epoch = ? and seq = ?");
  const nextRows = database.prepare(
    `select seq, kind, body from rows
      where class = ? and epoch = ? and seq > ? order by seq limit ?`,
  );
  const oneRow = database.prepare("select seq, kind, body from rows where epoch = ? and seq = ?");
  // Each minimum and maximum is one look at an index; over a union it would read every row.
  const firstEpoch = database
    .prepare(
      `select min(epoch) from (select min(epoch) as epoch from rows
        union all select min(epoch) from skipped)`,
    )
    .pluck();
  const highestEpoch = database
    .prepare(
      `select max(epoch) from (select max(epoch) as epoch from epochs
        union all select max(epoch) from rows union all select max(epoch) from skipped)`,
    )
    .pluck();
  const setEpoch = database.prepare(
    `insert into epochs values (?, ?) on conflict (epoch) do update set confirmed = excluded.confirmed`,
  );
  const unconfirmed = database
    .prepare("select epoch from epochs where confirmed = 0 order by epoch desc")
    .pluck();
  const forgetEpochs = database.prepare(
    `delete from epochs where epoch <> ? and epoch not in (select epoch from rows)
      and epoch not in (select epoch from skipped)`,
  );
  const moves = [
    database.prepare("update rows set epoch = ? where epoch = ?"),
    database.prepare("update skipped set epoch = ? where epoch = ?"),
    database.prepare("update epochs set epoch = ? where epoch = ?"),
  ];
  const putSkipped = database.prepare("insert or replace into skipped values (?, ?, ?, ?)");
  const skippedOf = database
    .prepare("select first, last, reason from skipped where epoch = ? order by first limit ?")
    .raw();
  const skippedEndingAt = database.prepare(
    "select first from skipped where epoch = ? and last = ? and reason = ?",
  );
  const deleteSkipped = database.prepare(
    "delete from skipped where epoch = ? and first >= ? and last <= ?",
  );
  const putAside = database.prepare(
    `insert into quarantine (at, epoch, seq, kind, body, reason)
      select ?, epoch, seq, kind, body, ? from rows where epoch = ? and seq = ?`,
  );
  const trimQuarantine = database.prepare(
    "delete from quarantine where id <= (select max(id) from quarantine) - ?",
  );

  // The casts below state the column list of the statement they stand at.
  return {
    insertRow: (epoch: number, rowClass: RowClass, row: StoredRow): void => {
      insertRow.run(epoch, row.seq, rowClass, row.kind, row.body);
    },
    usage: () => usage.get() as { rows: number; bytes: number }, // columns as selected
    oldest: (rowClass: RowClass, limit: number) =>
      oldest.all(rowClass, limit) as { epoch: number; seq: number; bytes: number }[], // as selected
    /** Deletes the rows of a range; says how many and how many bytes that freed. */
    deleteRange: (epoch: number, [first, last]: Range) => {
      const gone = deleteRange.all(epoch, first, last) as { bytes: number }[]; // as returned
      return { rows: gone.length, bytes: gone.reduce((sum, row) => sum + row.bytes, 0) };
    },
    nextRows: (rowClass: RowClass, epoch: number, after: number, limit: number) =>
      nextRows.iterate(rowClass, epoch, after, limit) as IterableIterator<StoredRow>, // as selected
    row: (epoch: number, seq: number) => oneRow.get(epoch, seq) as StoredRow | undefined, // as selected
    /** Oldest epoch with anything to send. */
    firstEpoch: () => firstEpoch.get() as number | null, // a minimum
    highestEpoch: () => (highestEpoch.get() as number | null) ?? 0, // a maximum
    setEpoch: (epoch: number, confirmed: boolean): void => {
      setEpoch.run(epoch, confirmed ? 1 : 0);
    },
    /** Unconfirmed epochs, highest first, which is the order in which they can be moved up. */
    unconfirmed: () => unconfirmed.all() as number[], // plucked
    forgetEpochs: (current: number): void => {
      forgetEpochs.run(current);
    },
    moveEpoch: (from: number, to: number): void => {
      for (const move of moves) move.run(to, from);
    },
    skipped: (epoch: number, limit: number) => skippedOf.all(epoch, limit) as SkippedRange[], // raw
    /** Notes a range, joined to one that ends right before it unless that one is being sent. */
    addSkipped: (
      epoch: number,
      [first, last, reason]: SkippedRange,
      mayExtend: (first: number) => boolean,
    ): void => {
      const before = skippedEndingAt.get(epoch, first - 1, reason) as { first: number } | undefined; // as selected
      const from = before !== undefined && mayExtend(before.first) ? before.first : first;
      putSkipped.run(epoch, from, last, reason);
    },
    deleteSkipped: (epoch: number, [first, last]: Range): void => {
      deleteSkipped.run(epoch, first, last);
    },
    /** Moves one row to the quarantine, which keeps the newest `rowsMax`. */
    quarantine: (at: number, epoch: number, seq: number, reason: string, rowsMax: number): void => {
      putAside.run(at, reason, epoch, seq);
      deleteOne.run(epoch, seq);
      trimQuarantine.run(rowsMax);
    },
  };
}

export type Store = ReturnType<typeof openStore>;
