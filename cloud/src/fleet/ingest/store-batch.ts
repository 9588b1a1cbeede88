/**
 * Stores some messages of one device in one transaction: control messages in their order, numbered
 * rows exactly once. What has been received of an epoch is read under the lock of its cursor row, only
 * rows with new numbers are inserted, and the cursor is saved with them: all or nothing.
 */
import type { EventRow, ResultRow, WindowRow } from "@fieldloop/shared/messages/telemetry";
import { type UpChannel, upChannelsOf } from "@fieldloop/shared/topics";
import type { Db } from "../../platform/db.ts";
import type { Device } from "../devices/devices.ts";
import { noteLatest, noteOnline, noteSeen, noteState, noteUpdate } from "../devices/note.ts";
import { findDevice, findDevices } from "../devices/reads.ts";
import { type Cursor, hasReceived, receive, type SeqRange } from "./cursor.ts";
import type { Batch, Decoded } from "./decode.ts";
import { newestOf, placeInTime, pointOf } from "./point.ts";
import { type Quarantined, quarantined } from "./quarantine.ts";
import type { Arrival } from "./queue.ts";
import { newestCursor } from "./reads.ts";
import { lockCursor, saveCursor } from "./store/cursors.ts";
import { saveLabels } from "./store/labels.ts";
import { saveQuarantined } from "./store/quarantine.ts";
import { insertEvents, insertResults, insertWindows, type Numbered } from "./store/rows.ts";

/** A message with what it says. */
export interface Message {
  readonly arrival: Arrival;
  readonly decoded: Decoded;
}

/** What is committed of one epoch. */
export type EpochState = Cursor & { readonly epoch: number };

/** What a commit means for the device and for whoever watches. */
export interface Stored {
  readonly knownDevice: boolean;
  /** In the order in which they must be sent: after a birth, the highest epoch comes first. */
  readonly acks: readonly EpochState[];
  /** Set after a birth: the version to notify. */
  readonly desiredVersion: number | undefined;
  readonly windows: readonly Numbered<WindowRow>[];
  readonly results: readonly Numbered<ResultRow>[];
  readonly events: readonly Numbered<EventRow>[];
  readonly duplicates: number;
  readonly refusals: readonly string[];
}

/** @throws what the database throws; then nothing of it is stored */
export async function storeBatch(
  db: Db,
  deviceId: string,
  messages: readonly Message[],
  now: number,
): Promise<Stored> {
  return await db.transaction().execute(async (tx) => {
    const device = await findDevice(tx, deviceId);
    if (device === undefined) return nothingStored;
    const { allowed, refused } = admit(device, messages);
    const epochs = await storeRows(tx, deviceId, allowed, now);
    const notes = await noteControl(tx, device, allowed, now);
    const refusals = [...refused, ...notes.refused];
    for (const entry of refusals) await saveQuarantined(tx, entry, new Date(now));
    if (messages.some(isSignOfLife)) await noteSeen(tx, deviceId, now);
    const newest = notes.born ? await newestCursor(tx, deviceId) : undefined;
    const first = notes.born ? [newest ?? { epoch: 0, upTo: 0, beyond: [] }] : [];
    const others = epochs.states.filter((state) => state.epoch !== first[0]?.epoch);
    return {
      knownDevice: true,
      acks: [...first, ...others],
      desiredVersion: notes.desiredVersion,
      windows: epochs.windows,
      results: epochs.results,
      events: epochs.events,
      duplicates: epochs.duplicates,
      refusals: refusals.map((entry) => entry.reason),
    };
  });
}

const nothingStored: Stored = {
  knownDevice: false,
  acks: [],
  desiredVersion: undefined,
  windows: [],
  results: [],
  events: [],
  duplicates: 0,
  refusals: [],
};

/** An external broker cannot tell roles apart, so the channel is checked here too. */
function admit(device: Device, messages: readonly Message[]) {
  const channels: readonly UpChannel[] = upChannelsOf(device.role);
  const refused: Quarantined[] = [];
  const allowed: Message[] = [];
  for (const message of messages) {
    const { arrival, decoded } = message;
    if (!channels.includes(arrival.channel))
      refused.push(
        quarantined(
          arrival,
          `a ${device.role} may not publish on ${arrival.channel}`,
          arrival.payload,
        ),
      );
    else if (decoded.kind === "refused")
      refused.push(quarantined(arrival, decoded.reason, arrival.payload));
    else allowed.push(message);
  }
  return { allowed, refused };
}

/** A last will is the broker's word, and a retained message an old one. */
function isSignOfLife({ arrival, decoded }: Message): boolean {
  const isWill = decoded.kind === "online" && !decoded.message.online;
  return !arrival.retained && !isWill;
}

async function storeRows(tx: Db, device: string, messages: readonly Message[], now: number) {
  const at = new Date(now);
  const batches = messages.flatMap(({ decoded }) =>
    decoded.kind === "batch" ? [decoded.batch] : [],
  );
  const fresh = new FreshRows();
  const states: EpochState[] = [];
  // Ascending, so that two transactions never wait for each other.
  for (const epoch of [...new Set(batches.map((batch) => batch.epoch))].sort((a, b) => a - b)) {
    let cursor = await lockCursor(tx, device, epoch, at);
    for (const batch of batches) if (batch.epoch === epoch) cursor = fresh.take(batch, cursor);
    await saveCursor(tx, device, epoch, cursor, at);
    states.push({ epoch, ...cursor });
  }
  await insertResults(tx, device, at, fresh.results);
  await insertWindows(tx, device, at, fresh.windows);
  await insertEvents(tx, device, at, fresh.events);
  if (fresh.windows.length > 0) await noteLatest(tx, device, latestOf(fresh.windows, now));
  return {
    states,
    windows: fresh.windows,
    results: fresh.results,
    events: fresh.events,
    duplicates: fresh.duplicates,
  };
}

/** Collects the rows whose numbers are new. */
class FreshRows {
  readonly windows: Numbered<WindowRow>[] = [];
  readonly results: Numbered<ResultRow>[] = [];
  readonly events: Numbered<EventRow>[] = [];
  duplicates = 0;

  /** @returns the cursor after this batch */
  take(batch: Batch, cursor: Cursor): Cursor {
    const { epoch, windows, results, events } = batch;
    const seqs = [...windows, ...results, ...events].map(({ seq }): SeqRange => [seq, seq]);
    const next = receive(cursor, [...seqs, ...batch.skipped]);
    const seen = new Set<number>();
    const isFresh = ({ seq }: { readonly seq: number }) => {
      const fresh = !hasReceived(cursor, seq) && hasReceived(next, seq) && !seen.has(seq);
      if (fresh) seen.add(seq);
      else this.duplicates++;
      return fresh;
    };
    for (const row of windows) if (isFresh(row)) this.windows.push({ epoch, ...row });
    for (const row of results) if (isFresh(row)) this.results.push({ epoch, ...row });
    for (const row of events) if (isFresh(row)) this.events.push({ epoch, ...row });
    return next;
  }
}

function latestOf(windows: readonly WindowRow[], now: number) {
  const newest = newestOf(windows);
  const ends = newest.map(({ from, to }) => placeInTime(from, to, now) + Math.max(0, to - from));
  const point = pointOf(Math.min(now, Math.max(...ends)), newest);
  const { at, fps, p50Ms, p95Ms, confidence, dropped, errors } = point;
  return { at, fps, p50Ms, p95Ms, confidence, dropped, errors };
}

async function noteControl(tx: Db, device: Device, messages: readonly Message[], now: number) {
  const refused: Quarantined[] = [];
  let desiredVersion: number | undefined;
  let born = false;
  for (const { arrival, decoded } of messages) {
    if (decoded.kind === "online") {
      const noted = await noteOnline(tx, device.id, decoded.message, now);
      born ||= decoded.message.online;
      desiredVersion = noted?.desiredVersion ?? desiredVersion;
    } else if (decoded.kind === "state") await noteState(tx, device.id, decoded.message, now);
    else if (decoded.kind === "ota") await noteUpdate(tx, device.id, decoded.message);
    else if (decoded.kind === "labels") {
      const reason = await storeLabels(tx, device, decoded.message.labels, now);
      if (reason !== undefined) refused.push(quarantined(arrival, reason, arrival.payload));
    }
  }
  return { refused, desiredVersion, born };
}

/** A station that stands at a site speaks for the devices there only. @returns why some were left out */
async function storeLabels(
  tx: Db,
  station: Device,
  labels: Parameters<typeof saveLabels>[2],
  now: number,
): Promise<string | undefined> {
  const devices = await findDevices(tx, [...new Set(labels.map((label) => label.device))]);
  const known = new Map(devices.map((device) => [device.id, device]));
  const kept = labels.filter(({ device }) => {
    const labelled = known.get(device);
    return labelled !== undefined && (station.site === null || labelled.site === station.site);
  });
  await saveLabels(tx, station.id, kept, new Date(now));
  const left = labels.find((label) => !kept.includes(label));
  return (
    left &&
    `labels: ${left.device} is unknown or at another site (${labels.length - kept.length} labels left out)`
  );
}
