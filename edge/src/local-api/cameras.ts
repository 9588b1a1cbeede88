/** Commissioning over the local interface: health, focus, reference. */
import { AppError } from "@fieldloop/shared/errors";
import * as z from "zod/mini";

/** What the interface asks of a camera's watch. */
export interface WatchedCamera {
  health(): object;
  focus(peak: number): object | undefined;
  commission(options: { readonly thumbnails: number; readonly spacingMs: number }): void;
  referenceJpeg(bytesMax: number): Promise<Uint8Array | undefined>;
}

const commissioning = z.strictObject({
  thumbnails: z._default(z.int().check(z.gte(10), z.lte(512)), 30),
  spacingMs: z._default(z.int().check(z.gte(0), z.lte(600_000)), 1000),
});

/** @throws AppError `commissioning` with what is allowed */
export function readCommissioning(body: Uint8Array) {
  const allowed = `send {"thumbnails": 10 to 512, "spacingMs": 0 to 600000}, or nothing for 30 and 1000`;
  try {
    return commissioning.parse(body.length === 0 ? {} : JSON.parse(Buffer.from(body).toString()));
  } catch (cause) {
    throw new AppError({ code: "commissioning", message: allowed, status: 400, cause });
  }
}

/** @throws AppError `no-frame` before the first */
export function focusOf(watch: WatchedCamera, camera: string, peak: string | null): object {
  const before = Number(peak ?? 0);
  const view = watch.focus(Number.isFinite(before) && before > 0 ? before : 0);
  if (view !== undefined) return view;
  const message = `the camera ${camera} has given no frame yet; ask again`;
  throw new AppError({ code: "no-frame", message, status: 404 });
}

/** JPEG of what the camera is held against. @throws AppError `no-reference` */
export async function referenceOf(watch: WatchedCamera, camera: string): Promise<Uint8Array> {
  const jpeg = await watch.referenceJpeg(65_536);
  if (jpeg !== undefined) return jpeg;
  const message = `the camera ${camera} has no reference; make one with POST /v1/cameras/${camera}/reference`;
  throw new AppError({ code: "no-reference", message, status: 404 });
}
