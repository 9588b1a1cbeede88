/**
 * The last live frames of each watched device: in memory only, bounded, and gone soon after. A few are
 * kept, so that a page that has heard of a frame can still fetch that very one.
 */
import { previewBytesMax } from "@fieldloop/shared/contract/device-api";

export interface Preview {
  /** When it arrived; `frame` events name it. */
  readonly at: number;
  readonly jpeg: Uint8Array;
}

export interface Previews {
  /** Keeps the frame until shortly after the watch ends; the oldest device's go when full. */
  put(device: string, preview: Preview, watchedUntil: number): void;
  /** The frame that arrived at `at`, or the newest. */
  get(device: string, now: number, at?: number): Uint8Array | undefined;
  drop(device: string): void;
  stop(): void;
}

/** How long a frame outlives its watch. */
const lingerMs = 10_000;
const sweepEveryMs = 10_000;
const framesPerDevice = 3;

export interface PreviewsOptions {
  readonly devicesMax?: number;
  readonly frameBytesMax?: number;
  readonly now: () => number;
}

interface Kept {
  readonly frames: readonly Preview[];
  readonly dropAt: number;
}

export function createPreviews(options: PreviewsOptions): Previews {
  const { devicesMax = 256, frameBytesMax = previewBytesMax } = options;
  const devices = new Map<string, Kept>();
  const sweep = (now: number) => {
    for (const [device, { dropAt }] of devices) if (dropAt <= now) devices.delete(device);
  };
  const timer = setInterval(() => sweep(options.now()), sweepEveryMs);
  timer.unref();
  return {
    put: (device, preview, watchedUntil) => {
      if (preview.jpeg.byteLength > frameBytesMax) return;
      const earlier = devices.get(device)?.frames ?? [];
      const frames = [...earlier, preview].slice(-framesPerDevice);
      devices.delete(device); // so that insertion order is age
      devices.set(device, { frames, dropAt: watchedUntil + lingerMs });
      if (devices.size <= devicesMax) return;
      sweep(preview.at);
      const [oldest] = devices.keys();
      if (oldest !== undefined && devices.size > devicesMax) devices.delete(oldest);
    },
    get: (device, now, at) => {
      const kept = devices.get(device);
      if (kept === undefined || kept.dropAt <= now) return undefined;
      const exact = at === undefined ? undefined : kept.frames.find((frame) => frame.at === at);
      return (exact ?? kept.frames.at(-1))?.jpeg;
    },
    drop: (device) => void devices.delete(device),
    stop: () => {
      clearInterval(timer);
      devices.clear();
    },
  };
}
