/**
 * Store-and-forward. Rows are numbered when they are written to disk, read in batches for sending,
 * and deleted only when the cloud has acknowledged that it has committed them.
 *
 *   append → pending (memory) → rows (disk) → leased → acknowledged, deleted
 *                  │                │            └→ quarantined (nobody takes it) ┐
 *                  └→ lost, counted └→ evicted (quota; telemetry before events) ──┴→ skipped range
 *
 * Invariants
 * - A number (epoch, seq) is given once. Rows recorded before the cloud's first acknowledgement are
 *   moved past every epoch the cloud has seen, and nothing of them is leased before that.
 * - Every number of a confirmed epoch is sent, or reported as skipped: gaps are always explained.
 * - One epoch is drained at a time, oldest first.
 *
 * A file found damaged while it is open ends the agent (SQLite's error is not caught): the next start
 * puts the file aside and begins anew.
 */
import { assert, messageOf } from "@fieldloop/shared/errors";
import type { EventBatch, TelemetryBatch } from "@fieldloop/shared/messages/telemetry";
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/sqlite.ts";
import { durably, isDiskFull, openDatabase } from "../../platform/sqlite.ts";
import {
  classOf,
  type Lease,
  type Report,
  type RowClass,
  rowClasses,
  type SkippedRange,
  type StoredRow,
  toBatch,
} from "./batch.ts";
import { type EpochFile, epochShift, takeEpoch } from "./epoch.ts";
import { evictOldest } from "./evict.ts";
import type { OutboxCounters, OutboxLimits, Usage } from "./limits.ts";
import { type Covered, toRanges } from "./ranges.ts";
import { openStore, rowOverheadBytes, type Store } from "./store.ts";

export interface OutboxOptions {
  readonly path: string;
  readonly epochFile: EpochFile;
  readonly clock: Clock;
  readonly limits: OutboxLimits;
  /** Told of trouble in one sentence; the outbox itself goes on. */
  readonly onTrouble: (message: string) => void;
  /** Told after every commit that there may be something to send. */
  readonly onCommitted?: () => void;
}

const schema = new URL("../../../src/reporting/outbox/schema.sql", import.meta.url);
const leaseSkippedMax = batchLimits.skippedMax;

/** Opens the outbox of this start of the agent, with an epoch of its own. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  const { database, corruptFile } = openDatabase({
    path: options.path,
    schema,
    now: options.clock.now(),
  });
  const epoch = await takeEpoch(
    options.epochFile,
    openStore(database).highestEpoch(),
    options.onTrouble,
  );
  return new Outbox(options, database, epoch, corruptFile);
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #database: Database;
  readonly #store: Store;
  readonly #counters: OutboxCounters = { lost: 0, evicted: 0, quarantined: 0, diskFull: 0 };
  readonly #cursor: Record<RowClass, number> = { ev: 0, tm: 0 };
  readonly #skippedInFlight = new Set<string>();
  #pending: Report[] = [];
  #retryAcks: (Covered & { readonly epoch: number })[] = [];
  #epoch: number;
  #seq = 0;
  #confirmed = false;
  #drained = 0;
  #usage: Usage;
  #diskFull = false;
  #lostReported = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Use `openOutbox`. */
  constructor(
    options: OutboxOptions,
    database: Database,
    epoch: number,
    corruptFile: string | null,
  ) {
    this.#options = options;
    this.#database = database;
    this.#store = openStore(database);
    this.#epoch = epoch;
    this.#usage = this.#store.usage();
    this.#whileDiskLasts(() => {
      this.#store.setEpoch(epoch, false);
      this.#store.forgetEpochs(epoch);
    });
    if (corruptFile !== null) this.#reportCorrupt(corruptFile);
  }

  /** The epoch that new rows get. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether the cloud has confirmed the epoch, so that rows may be sent. */
  get confirmed(): boolean {
    return this.#confirmed;
  }

  get counters(): Readonly<OutboxCounters> {
    return this.#counters;
  }

  /** Rows and bytes that wait, those still in memory included. */
  get usage(): Usage {
    return { rows: this.#usage.rows + this.#pending.length, bytes: this.#usage.bytes };
  }

  /** Records a row. It is on disk within `commitDelayMsMax`, unless the disk is full. */
  append(report: Report): void {
    assert(!this.#closed, "nothing is appended to a closed outbox");
    this.#pending.push(report);
    if (this.#pending.length > this.#options.limits.pendingRowsMax) this.#giveUpOne();
    if (this.#pending.length >= this.#options.limits.commitRowsMax && !this.#diskFull)
      this.commit();
    else this.#timer ??= setTimeout(() => this.commit(), this.#commitDelayMs());
  }

  /** Writes what waits in memory to disk, now. A full disk leaves it there. */
  commit(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#pending;
    if (rows.length > 0) {
      this.#pending = [];
      const before = { seq: this.#seq, usage: this.#usage, evicted: this.#counters.evicted };
      const written = this.#whileDiskLasts(() => this.#write(rows));
      if (!written) {
        this.#pending = [...rows, ...this.#pending];
        this.#seq = before.seq;
        this.#usage = before.usage;
        this.#counters.evicted = before.evicted;
        this.#timer ??= setTimeout(() => this.commit(), this.#commitDelayMs());
        return;
      }
    }
    for (const ack of this.#retryAcks.splice(0)) this.#deleteCovered(ack);
    this.#reportLost();
    if (rows.length > 0) this.#options.onCommitted?.();
  }

  /**
   * Takes the cloud's word on the highest epoch it has seen from this device: rows recorded so far
   * in this and in earlier unconfirmed starts move past it. Call it with the first acknowledgement
   * after a birth, before anything else is done with that acknowledgement.
   * @throws where the disk does not let it be noted; then nothing may be sent yet
   */
  async confirm(cloudEpoch: number): Promise<void> {
    if (this.#confirmed) return;
    const lowest = this.#store.unconfirmed().at(-1) ?? this.#epoch;
    const shift = epochShift(lowest, cloudEpoch);
    const { files, path } = this.#options.epochFile;
    if (shift > 0) await files.writeAtomic(path, `${this.#epoch + shift}\n`);
    // Durably: were this lost with the power, rows sent from now on would be taken for unsent ones.
    durably(this.#database, () =>
      this.#database.transaction(() => {
        for (const epoch of this.#store.unconfirmed()) {
          if (shift > 0) this.#store.moveEpoch(epoch, epoch + shift);
          this.#store.setEpoch(epoch + shift, true);
        }
        this.#store.setEpoch(this.#epoch + shift, true);
      })(),
    );
    this.#epoch += shift;
    this.#confirmed = true;
  }

  /** The next rows to send that are not under way, events first; `undefined` where there are none. */
  lease(): Lease | undefined {
    if (!this.#confirmed) return undefined;
    const epoch = this.#store.firstEpoch();
    if (epoch === null) return undefined;
    if (epoch !== this.#drained) {
      this.#drained = epoch;
      for (const rowClass of rowClasses) this.#cursor[rowClass] = 0;
      this.#skippedInFlight.clear();
    }
    const rowClass = rowClasses.find((name) => this.#hasNext(name, epoch));
    const seqs = rowClass === undefined ? [] : this.#takeSeqs(rowClass, epoch);
    const skipped = this.#takeSkipped(epoch);
    if (seqs.length === 0 && skipped.length === 0) return undefined;
    return { epoch, class: rowClass ?? "tm", seqs, skipped };
  }

  /** The message for a lease; `undefined` where none of its rows is left. */
  read(lease: Lease): TelemetryBatch | EventBatch | undefined {
    const rows = lease.seqs
      .map((seq) => this.#store.row(lease.epoch, seq))
      .filter((row) => row !== undefined);
    if (rows.length === 0 && lease.skipped.length === 0) return undefined;
    return toBatch(rows.length === 0 ? { ...lease, class: "tm" } : lease, rows);
  }

  /** Deletes what the cloud has committed. Harmless when repeated, late or of an old epoch. */
  acknowledge(ack: Covered & { readonly epoch: number }): void {
    if (!this.#confirmed) return;
    // Nobody can hold what has not been recorded: a foreign process with our epoch, or a broken cloud.
    if (ack.epoch > this.#epoch || (ack.epoch === this.#epoch && ack.upTo > this.#seq)) {
      this.#options.onTrouble(
        `the cloud acknowledged ${ack.epoch}/${ack.upTo}, which was never recorded here (at ${this.#epoch}/${this.#seq}); ignored`,
      );
      return;
    }
    this.#deleteCovered(ack);
  }

  /** Puts rows aside that nobody takes; the cloud hears of them as skipped. */
  quarantine(lease: Lease, reason: string): void {
    const now = this.#options.clock.now();
    const max = this.#options.limits.quarantineRowsMax;
    const done = this.#whileDiskLasts(() => {
      for (const seq of lease.seqs) this.#store.quarantine(now, lease.epoch, seq, reason, max);
      this.#addSkipped(lease.epoch, lease.seqs, "quarantined");
    });
    if (!done) return;
    this.#usage = this.#store.usage();
    this.#counters.quarantined += lease.seqs.length;
  }

  /** Commits and closes. */
  close(): void {
    if (this.#closed) return;
    this.commit();
    clearTimeout(this.#timer);
    if (this.#pending.length > 0)
      this.#options.onTrouble(`${this.#pending.length} rows are lost: the disk is full at the end`);
    this.#closed = true;
    this.#database.close();
  }

  #write(reports: readonly Report[]): void {
    for (const report of reports) {
      const body = JSON.stringify(report.row);
      const size = Buffer.byteLength(body);
      if (size > this.#options.limits.rowBytesMax) {
        this.#counters.lost++;
        continue;
      }
      const row: StoredRow = { seq: ++this.#seq, kind: report.kind, body };
      this.#store.insertRow(this.#epoch, classOf(report.kind), row);
      this.#usage = {
        rows: this.#usage.rows + 1,
        bytes: this.#usage.bytes + size + rowOverheadBytes,
      };
    }
    const { usage, evicted } = evictOldest(
      this.#store,
      this.#usage,
      this.#options.limits,
      (epoch, seqs) => this.#addSkipped(epoch, seqs, "quota"),
    );
    this.#usage = usage;
    this.#counters.evicted += evicted;
  }

  #addSkipped(epoch: number, seqs: readonly number[], reason: string): void {
    for (const [first, last] of toRanges(seqs))
      this.#store.addSkipped(
        epoch,
        [first, last, reason],
        (start) => !this.#inFlight(epoch, start),
      );
  }

  #inFlight(epoch: number, first: number): boolean {
    return [...this.#skippedInFlight].some((key) => key.startsWith(`${epoch}:${first}-`));
  }

  #hasNext(rowClass: RowClass, epoch: number): boolean {
    const [row] = this.#store.nextRows(rowClass, epoch, this.#cursor[rowClass], 1);
    return row !== undefined;
  }

  #takeSeqs(rowClass: RowClass, epoch: number): number[] {
    const { batchRowsMax, batchBytesMax } = this.#options.limits;
    const seqs: number[] = [];
    let bytes = 0;
    const after = this.#cursor[rowClass];
    for (const row of this.#store.nextRows(rowClass, epoch, after, batchRowsMax)) {
      bytes += Buffer.byteLength(row.body);
      if (seqs.length > 0 && bytes > batchBytesMax) break;
      seqs.push(row.seq);
    }
    this.#cursor[rowClass] = seqs.at(-1) ?? after;
    return seqs;
  }

  #takeSkipped(epoch: number): SkippedRange[] {
    const key = ([first, last]: SkippedRange) => `${epoch}:${first}-${last}`;
    const taken = this.#store
      .skipped(epoch, leaseSkippedMax + this.#skippedInFlight.size)
      .filter((range) => !this.#skippedInFlight.has(key(range)))
      .slice(0, leaseSkippedMax);
    for (const range of taken) this.#skippedInFlight.add(key(range));
    return taken;
  }

  #deleteCovered(ack: Covered & { readonly epoch: number }): void {
    const before = this.#usage;
    const done = this.#whileDiskLasts(() => {
      for (const range of [[0, ack.upTo] as const, ...ack.beyond]) {
        const gone = this.#store.deleteRange(ack.epoch, range);
        this.#usage = { rows: this.#usage.rows - gone.rows, bytes: this.#usage.bytes - gone.bytes };
        this.#store.deleteSkipped(ack.epoch, range);
      }
    });
    if (done) {
      this.#giveSpaceBack();
      return;
    }
    this.#usage = before;
    // Kept for the next commit; the newest word on an epoch is enough.
    this.#retryAcks = [...this.#retryAcks.filter((old) => old.epoch !== ack.epoch), ack];
  }

  /** An emptied outbox returns its pages to the file system, some at a time. */
  #giveSpaceBack(): void {
    if (this.#usage.rows === 0)
      this.#whileDiskLasts(() => this.#database.pragma("incremental_vacuum(256)"));
  }

  #giveUpOne(): void {
    const oldest = this.#pending.findIndex((report) => classOf(report.kind) === "tm");
    this.#pending.splice(Math.max(0, oldest), 1);
    this.#counters.lost++;
  }

  #commitDelayMs(): number {
    // A full disk is tried again once a second: trying costs a write.
    return this.#diskFull ? 1000 : this.#options.limits.commitDelayMsMax;
  }

  /** Runs a transaction; `false` where the disk is full and nothing was changed. */
  #whileDiskLasts(work: () => void): boolean {
    try {
      this.#database.transaction(work)();
      if (this.#diskFull) this.#options.onTrouble("the outbox can write to its disk again");
      this.#diskFull = false;
      return true;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#counters.diskFull++;
      if (!this.#diskFull)
        this.#options.onTrouble(
          `the disk is full (${messageOf(error)}): ${this.#options.path} keeps up to ${this.#options.limits.pendingRowsMax} rows in memory and drops the oldest telemetry beyond; free some space`,
        );
      this.#diskFull = true;
      return false;
    }
  }

  #reportLost(): void {
    const lost = this.#counters.lost - this.#lostReported;
    if (lost === 0) return;
    this.#lostReported = this.#counters.lost;
    this.#event("outbox-lost", `${lost} rows were lost before they could be written to disk`, {
      rows: lost,
    });
  }

  #reportCorrupt(corruptFile: string): void {
    const message = `the outbox was damaged; it was put aside as ${corruptFile} and begun anew`;
    this.#options.onTrouble(message);
    this.#event("outbox-corrupt", message, { file: corruptFile });
  }

  #event(kind: string, message: string, detail: Record<string, unknown>): void {
    const at = this.#options.clock.now();
    this.append({ kind: "event", row: { at, kind, severity: "critical", message, detail } });
  }
}
