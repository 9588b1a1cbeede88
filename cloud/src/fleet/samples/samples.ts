/** Hard samples: their bounds, and what of one can be searched for. Pure. */
import type { SampleView } from "@fieldloop/shared/contract/samples";
import { AppError } from "@fieldloop/shared/errors";
import type { SampleAnnouncement } from "@fieldloop/shared/samples/sample";

/** What one device and all of them together may bring. */
export interface SampleBounds {
  readonly perDeviceDayCountMax: number;
  readonly perDeviceDayBytesMax: number;
  /** On the disk, all devices together. */
  readonly bytesMax: number;
  readonly keepDays: number;
  /** An upload that nobody goes on with is forgotten. */
  readonly partialHours: number;
}

export const defaultSampleBounds: SampleBounds = {
  perDeviceDayCountMax: 1000,
  perDeviceDayBytesMax: 64 * 1024 * 1024,
  bytesMax: 10 * 1024 ** 3,
  keepDays: 90,
  partialHours: 24,
};

/** A sample as it is stored. */
export interface StoredSample {
  readonly device: string;
  readonly digest: string;
  readonly receivedAt: number | null;
  readonly bytes: number;
  readonly stored: number;
  readonly about: SampleAnnouncement;
}

/** Classes that either model said: top class, or those of all detections. */
export function labelsOf({ local, cloud }: SampleAnnouncement): readonly string[] {
  const said = [local, ...(cloud === null ? [] : [cloud])];
  const labels = said.flatMap(({ label, detections }) => [
    ...(label === null ? [] : [label]),
    ...(detections ?? []).map((found) => found.label),
  ]);
  return [...new Set(labels)];
}

export function viewOf({ device, digest, receivedAt, about }: StoredSample): SampleView {
  return { ...about, device, digest, receivedAt: receivedAt ?? 0 };
}

/** Where a page ended: newest capture first. */
export interface SamplePlace {
  readonly capturedAt: number;
  readonly device: string;
  readonly digest: string;
}

export function cursorOf({ device, digest, about }: StoredSample): string {
  return `${about.capturedAt}.${device}.${digest}`;
}

/** @throws AppError `cursor` (400) */
export function placeOf(cursor: string): SamplePlace {
  const [, at, device, digest] =
    /^(\d{1,16})\.([a-z0-9-]{1,64})\.([0-9a-f]{64})$/.exec(cursor) ?? [];
  if (at !== undefined && device !== undefined && digest !== undefined)
    return { capturedAt: Number(at), device, digest };
  throw new AppError({
    code: "cursor",
    status: 400,
    message: "this cursor is none of ours; take `next` of the page before",
  });
}

export function noSuchSample(device: string, digest: string): AppError {
  return new AppError({
    code: "not-found",
    status: 404,
    message: `there is no sample ${digest.slice(0, 12)} of ${device} here; \`fieldloop samples ls\` lists those in your scope`,
  });
}
