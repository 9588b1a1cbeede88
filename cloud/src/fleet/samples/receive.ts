/** Takes samples in from devices, piece by piece. */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { SampleAnnouncement, SampleProgress } from "@fieldloop/shared/samples/sample";
import { sampleSettings } from "@fieldloop/shared/samples/settings";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { loadRaw } from "@fieldloop/shared-node/image";
import type { Platform } from "../../platform/context.ts";
import { findDevice } from "../devices/reads.ts";
import type { SampleFiles } from "./files.ts";
import type { SampleBounds, StoredSample } from "./samples.ts";
import { beginSample, lockSample, saveReceived, saveStored, usage } from "./store.ts";

export interface Receiving {
  readonly platform: Platform;
  readonly files: SampleFiles;
  readonly bounds: SampleBounds;
}

const dayMs = 86_400_000;

/**
 * Begins an upload, or says how far it is.
 * @throws AppError `samples-not-allowed` (403), `sample-quota` (429)
 */
export async function announceSample(
  { platform, bounds }: Receiving,
  device: string,
  digest: string,
  about: SampleAnnouncement,
): Promise<SampleProgress> {
  await requireAllowed(platform, device);
  return await platform.db.transaction().execute(async (tx) => {
    const known = await lockSample(tx, device, digest);
    if (known !== undefined) return progressOf(known);
    const now = platform.now();
    const used = await usage(tx, device, now - dayMs);
    const reason = refusal(used, about.bytes, bounds);
    if (reason !== undefined)
      throw new AppError({ code: "sample-quota", status: 429, message: reason, retryable: true });
    await beginSample(tx, device, digest, about, now);
    return { offset: 0, complete: false };
  });
}

/**
 * Appends a piece. What is answered as stored survives a crash.
 * @throws AppError `not-announced` (404), `wrong-offset` (409), `too-long` (413), `sample-damaged` (422:
 *   it is not what was announced, and begins again at 0)
 */
export async function takePiece(
  receiving: Receiving,
  device: string,
  digest: string,
  piece: { readonly offset: number; readonly bytes: Buffer },
): Promise<SampleProgress> {
  const { platform, files } = receiving;
  await requireAllowed(platform, device);
  const outcome = await platform.db.transaction().execute(async (tx) => {
    const sample = await lockSample(tx, device, digest);
    if (sample === undefined) throw notAnnounced(digest);
    if (sample.receivedAt !== null) return progressOf(sample);
    const { offset, bytes } = piece;
    if (offset !== sample.stored) throw wrongOffset(offset, sample.stored);
    const stored = offset + bytes.length;
    if (stored > sample.bytes) throw tooLong(sample.bytes);
    if (bytes.length > 0) await files.write(device, digest, offset, bytes);
    if (stored < sample.bytes) {
      await saveStored(tx, device, digest, stored);
      return { offset: stored, complete: false };
    }
    const damage = await damageOf(
      await files.readPart(device, digest, stored),
      digest,
      sample.about,
    );
    if (damage !== undefined) {
      await saveStored(tx, device, digest, 0);
      return damage; // thrown below: what is thrown here would undo the line above
    }
    await files.finish(device, digest);
    await saveReceived(tx, device, digest, platform.now());
    return { offset: stored, complete: true };
  });
  if (outcome instanceof AppError) throw outcome;
  return outcome;
}

async function requireAllowed(platform: Platform, device: string): Promise<void> {
  const settings = (await findDevice(platform.db, device))?.settings.samples;
  const read = sampleSettings.safeParse(settings ?? {});
  if (read.success && read.data.upload.allowed) return;
  throw new AppError({
    code: "samples-not-allowed",
    status: 403,
    message: `no pictures are taken from ${device}: its settings do not allow it (samples.upload.allowed); \`fieldloop devices samples ${device} --upload on\` does`,
  });
}

const progressOf = ({ stored, receivedAt }: StoredSample): SampleProgress => ({
  offset: stored,
  complete: receivedAt !== null,
});

function refusal(
  used: { readonly count: number; readonly bytes: number; readonly total: number },
  bytes: number,
  bounds: SampleBounds,
): string | undefined {
  if (used.count + 1 > bounds.perDeviceDayCountMax)
    return `a device may bring ${bounds.perDeviceDayCountMax} samples a day; try again tomorrow`;
  if (used.bytes + bytes > bounds.perDeviceDayBytesMax)
    return `a device may bring ${bounds.perDeviceDayBytesMax} bytes of samples a day; try again tomorrow`;
  if (used.total + bytes > bounds.bytesMax)
    return "the server has no room for more samples; delete some, or set FIELDLOOP_SAMPLES_BYTES_MAX higher";
  return undefined;
}

async function damageOf(
  bytes: Buffer,
  digest: string,
  about: SampleAnnouncement,
): Promise<AppError | undefined> {
  if (sha256Of(bytes) !== digest) return damaged("its bytes are not those of its digest");
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return damaged("it is no JPEG");
  try {
    const { width, height } = await loadRaw({ kind: "encoded", bytes }, "the sample");
    if (width === about.width && height === about.height) return undefined;
    return damaged(
      `it is ${width} x ${height} and was announced as ${about.width} x ${about.height}`,
    );
  } catch (error) {
    return damaged(messageOf(error));
  }
}

function damaged(why: string): AppError {
  const message = `the sample is not what was announced: ${why}; send it again from the beginning`;
  return new AppError({ code: "sample-damaged", status: 422, message });
}

function notAnnounced(digest: string): AppError {
  const message = `the sample ${digest.slice(0, 12)} has not been announced; announce it first`;
  return new AppError({ code: "not-announced", status: 404, message });
}

function wrongOffset(given: number, right: number): AppError {
  const message = `the next piece begins at ${right}, not at ${given}`;
  return new AppError({ code: "wrong-offset", status: 409, message, detail: { offset: right } });
}

function tooLong(bytes: number): AppError {
  const message = `the sample was announced with ${bytes} bytes, and more came`;
  return new AppError({ code: "too-long", status: 413, message });
}
