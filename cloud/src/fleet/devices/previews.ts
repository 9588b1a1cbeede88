/** The newest live frame of each watched device: in memory only, bounded, and gone soon after. */
import { previewBytesMax } from "@fieldloop/shared/contract/device-api";

export interface Previews {
  /** Keeps the frame until shortly after the watch ends; the oldest device's goes when full. */
  put(device: string, jpeg: Uint8Array, watchedUntil: number, now: number): void;
  get(device: string, now: number): Uint8Array | undefined;
  drop(device: string): void;
  stop(): void;
}

/** How long a frame outlives its watch. */
const lingerMs = 10_000;
const sweepEveryMs = 10_000;

export interface PreviewsOptions {
  readonly devicesMax?: number;
  readonly frameBytesMax?: number;
  readonly now: () => number;
}

export function createPreviews(options: PreviewsOptions): Previews {
  const { devicesMax = 256, frameBytesMax = previewBytesMax } = options;
  const frames = new Map<string, { readonly jpeg: Uint8Array; readonly dropAt: number }>();
  const sweep = (now: number) => {
    for (const [device, { dropAt }] of frames) if (dropAt <= now) frames.delete(device);
  };
  const timer = setInterval(() => sweep(options.now()), sweepEveryMs);
  timer.unref();
  return {
    put: (device, jpeg, watchedUntil, now) => {
      if (jpeg.byteLength > frameBytesMax) return;
      frames.delete(device); // so that insertion order is age
      frames.set(device, { jpeg, dropAt: watchedUntil + lingerMs });
      if (frames.size <= devicesMax) return;
      sweep(now);
      const [oldest] = frames.keys();
      if (oldest !== undefined && frames.size > devicesMax) frames.delete(oldest);
    },
    get: (device, now) => {
      const frame = frames.get(device);
      return frame !== undefined && frame.dropAt > now ? frame.jpeg : undefined;
    },
    drop: (device) => void frames.delete(device),
    stop: () => {
      clearInterval(timer);
      frames.clear();
    },
  };
}
