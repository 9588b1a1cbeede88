/** Bounds of the outbox. */
export interface OutboxLimits {
  /** What the rows on disk may weigh together; beyond it the oldest are evicted. */
  readonly bytesMax: number;
  readonly rowsMax: number;
  /** Rows that may wait in memory for a disk that is full. */
  readonly pendingRowsMax: number;
  readonly rowBytesMax: number;
  readonly batchRowsMax: number;
  /** Bodies of one batch together, which bounds its size on the wire even uncompressed. */
  readonly batchBytesMax: number;
  readonly commitRowsMax: number;
  readonly commitDelayMsMax: number;
  readonly quarantineRowsMax: number;
}

export const defaultOutboxLimits: OutboxLimits = {
  bytesMax: 256 * 1024 * 1024,
  rowsMax: 2_000_000,
  pendingRowsMax: 2000,
  rowBytesMax: 64 * 1024,
  batchRowsMax: 500,
  batchBytesMax: 200 * 1024,
  commitRowsMax: 100,
  commitDelayMsMax: 250,
  quarantineRowsMax: 10_000,
};

/** What has happened to rows that were not sent, since the start. */
export interface OutboxCounters {
  /** Given up because the disk was full or the row too large, before they had a number. */
  lost: number;
  evicted: number;
  quarantined: number;
  diskFull: number;
}

/** Rows on disk and what they weigh. */
export interface Usage {
  readonly rows: number;
  readonly bytes: number;
}
