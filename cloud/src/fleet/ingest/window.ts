/** Limits of ingest. Every queue here drops what a device will send again, never what is stored. */
export interface IngestLimits {
  /** Messages waiting in all. Telemetry and events beyond it are dropped; devices send them again. */
  readonly queueMax: number;
  readonly queueBytesMax: number;
  /** Room beyond `queueMax` for messages that a device does not repeat by itself. */
  readonly reserveMax: number;
  /** Messages of one device stored in one transaction. */
  readonly batchMessagesMax: number;
  readonly batchBytesMax: number;
  /** Devices stored at the same time; each holds one database connection. */
  readonly concurrencyMax: number;
  /** Waiting time at which devices are asked to pause. */
  readonly ageMsMax: number;
  /** Batches a device may have under way while all is well. */
  readonly windowMax: number;
  readonly retryDelayMsMin: number;
  readonly retryDelayMsMax: number;
  /** How long a stop waits for what is queued. */
  readonly stopMsMax: number;
}

export const defaultIngestLimits: IngestLimits = {
  queueMax: 10_000,
  queueBytesMax: 128 * 1024 * 1024,
  reserveMax: 2000,
  batchMessagesMax: 32,
  batchBytesMax: 1024 * 1024,
  concurrencyMax: 8,
  ageMsMax: 10_000,
  windowMax: 64,
  retryDelayMsMin: 100,
  retryDelayMsMax: 5000,
  stopMsMax: 5000,
};

/** How loaded ingest is. */
export interface Load {
  readonly queued: number;
  readonly queuedBytes: number;
  /** How long the message just taken had waited. */
  readonly waitedMs: number;
}

/**
 * How many batches a device may have under way: all of them up to a quarter of the load ingest can
 * bear, then falling in proportion, 0 (pause) at the limit.
 */
export function ackWindow(load: Load, limits: IngestLimits): number {
  const share = Math.max(
    load.queued / limits.queueMax,
    load.queuedBytes / limits.queueBytesMax,
    load.waitedMs / limits.ageMsMax,
  );
  if (share >= 1) return 0;
  if (share <= 0.25) return limits.windowMax;
  return Math.max(1, Math.floor((limits.windowMax * (1 - share)) / 0.75));
}
