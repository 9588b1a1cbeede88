/** Bare pixels as cameras and their programs write them, turned into RGB. Pure. */

/**
 * Layouts by their ffmpeg names: `rgb24` and `bgr24` interleaved, `gray` one byte a pixel, `yuv420p`
 * (I420: planes Y, U, V) and `nv12` (plane Y, then U and V interleaved) with colour at half size.
 */
export const rawFormats = ["rgb24", "bgr24", "gray", "yuv420p", "nv12"] as const;
export type RawFormat = (typeof rawFormats)[number];

/** Whether colour is stored at half width and height, which then must be even. */
export const isSubsampled = (format: RawFormat) => format === "yuv420p" || format === "nv12";

/** Bytes of one picture. */
export function rawFrameBytes(format: RawFormat, width: number, height: number): number {
  if (format === "gray") return width * height;
  return isSubsampled(format) ? (width * height * 3) / 2 : width * height * 3;
}

/**
 * @param data one picture of `rawFrameBytes` bytes; `rgb24` is returned as it is
 * @returns RGB, row by row, 3 * width * height bytes
 */
export function toRgb(
  data: Uint8Array,
  format: RawFormat,
  width: number,
  height: number,
): Uint8Array {
  if (format === "rgb24") return data;
  const rgb = new Uint8Array(3 * width * height);
  if (format === "gray") {
    for (let i = 0; i < data.length; i++) rgb.fill(data[i] ?? 0, 3 * i, 3 * i + 3);
  } else if (format === "bgr24") {
    for (let i = 0; i < rgb.length; i += 3) {
      rgb[i] = data[i + 2] ?? 0;
      rgb[i + 1] = data[i + 1] ?? 0;
      rgb[i + 2] = data[i] ?? 0;
    }
  } else fromPlanes(new Uint8ClampedArray(rgb.buffer), data, format, width, height);
  return rgb;
}

/**
 * ITU-R BT.601 with limited range (Y 16-235), what cameras and their encoders write:
 * R = 1.164 (Y - 16) + 1.596 (V - 128) and so on, in fixed point with 8 fractional bits.
 */
function fromPlanes(
  rgb: Uint8ClampedArray,
  data: Uint8Array,
  format: RawFormat,
  width: number,
  height: number,
): void {
  const area = width * height;
  const [step, uAt, vAt] = format === "nv12" ? [2, area, area + 1] : [1, area, area + area / 4];
  let out = 0;
  for (let y = 0; y < height; y++) {
    const row = (y >> 1) * (width >> 1);
    for (let x = 0; x < width; x++) {
      const at = step * (row + (x >> 1));
      const luma = 298 * ((data[y * width + x] ?? 0) - 16) + 128;
      const [u, v] = [(data[uAt + at] ?? 0) - 128, (data[vAt + at] ?? 0) - 128];
      rgb[out++] = (luma + 409 * v) >> 8;
      rgb[out++] = (luma - 100 * u - 208 * v) >> 8;
      rgb[out++] = (luma + 516 * u) >> 8;
    }
  }
}
