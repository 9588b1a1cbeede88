/**
 * From an encoded image or a raw frame to the pixels a model wants, and back to a small JPEG. The
 * one home of sharp, which is loaded at the first picture and not before: a process that never
 * sees one does not pay its memory.
 */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import {
  type Box,
  centred,
  type Fit,
  type Geometry,
  letterboxGrey,
  type Size,
} from "@fieldloop/shared/vision/fit";
import type { Sharp, SharpConstructor } from "sharp";

/** A frame as a source hands it over. Raw frames are RGB, row by row, 3 * width * height bytes. */
export type ImageInput =
  | { readonly kind: "encoded"; readonly bytes: Uint8Array }
  | {
      readonly kind: "raw";
      readonly data: Uint8Array;
      readonly width: number;
      readonly height: number;
    };

/** The frame at the model's size: RGB, uint8, height x width x channel. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly geometry: Geometry;
}

/** What a picture may weigh. */
export interface ImageLimits {
  /** Of the encoded file or the raw frame. */
  readonly frameBytesMax: number;
  /** Width times height, taken from the header before anything is decoded. */
  readonly framePixelsMax: number;
}

export const defaultImageLimits: ImageLimits = {
  frameBytesMax: 32 * 1024 * 1024,
  framePixelsMax: 24_000_000,
};

let loading: Promise<SharpConstructor> | undefined;

/** Loads sharp once, without its cache and with one thread per picture: steadier and smaller. */
function loadSharp(): Promise<SharpConstructor> {
  loading ??= import("sharp").then(({ default: sharp }) => {
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return loading;
}

/**
 * Decodes and scales a picture to a model's input size, upright (EXIF), in sRGB, without alpha.
 * JPEGs are decoded at a reduced scale where that suffices.
 * @param target.region only this part of the upright picture, to whole pixels; boxes find their way
 *   back to the whole through the geometry
 * @param what names the picture in an error, for example a file name
 * @throws AppError `image-too-large` or `image-unreadable`
 */
export async function loadPixels(
  image: ImageInput,
  target: { readonly size: Size; readonly fit: Fit; readonly region?: Box | undefined },
  what = "the frame",
  limits: ImageLimits = defaultImageLimits,
): Promise<Pixels> {
  checkBytes(image, what, limits);
  const { size, fit } = target;
  const isFitting =
    image.kind === "raw" && image.width === size.width && image.height === size.height;
  if (isFitting && target.region === undefined) {
    return { data: image.data, geometry: centred(size, size) };
  }
  try {
    const picture = upright(await open(image, limits));
    const cut = target.region && cutOf(target.region, await sizeOf(image, limits));
    const { data, info } = await (cut === undefined ? picture : picture.extract(cut.pixels))
      .resize(size.width, size.height, {
        fit: fit === "letterbox" ? "inside" : "fill",
        kernel: "linear",
        fastShrinkOnLoad: true,
      })
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const content = { width: info.width, height: info.height };
    const geometry = centred(content, size, cut?.region);
    return { data: fit === "letterbox" ? padded(data, geometry) : data, geometry };
  } catch (error) {
    throw await explain(error, image, what, limits);
  }
}

/** Width and height as people see the picture. */
async function sizeOf(image: ImageInput, limits: ImageLimits): Promise<Size> {
  return image.kind === "raw" ? image : (await (await open(image, limits)).metadata()).autoOrient;
}

/** A region in whole pixels, at least one, and as the fractions that these are. */
function cutOf([x1, y1, x2, y2]: Box, { width, height }: Size) {
  const left = Math.min(width - 1, Math.round(x1 * width));
  const top = Math.min(height - 1, Math.round(y1 * height));
  const right = Math.min(width, Math.max(left + 1, Math.round(x2 * width)));
  const bottom = Math.min(height, Math.max(top + 1, Math.round(y2 * height)));
  const region: Box = [left / width, top / height, right / width, bottom / height];
  return { pixels: { left, top, width: right - left, height: bottom - top }, region };
}

/** Qualities tried for a preview, best first. */
const qualities = [80, 65, 50, 35, 20] as const;

/**
 * A small JPEG of a frame, upright, for people to look at.
 * @param options.region only this part of the picture
 * @param options.widthMax the picture is scaled down to this width, never up
 * @param options.bytesMax quality, then width, go down until the file is no larger
 * @throws AppError as `loadPixels`
 */
export async function encodeJpeg(
  image: ImageInput,
  options: {
    readonly widthMax: number;
    readonly bytesMax: number;
    readonly region?: Box | undefined;
  },
  what = "the frame",
  limits: ImageLimits = defaultImageLimits,
): Promise<Uint8Array> {
  checkBytes(image, what, limits);
  try {
    const picture = upright(await open(image, limits));
    const cut = options.region && cutOf(options.region, await sizeOf(image, limits));
    const small = await (cut === undefined ? picture : picture.extract(cut.pixels))
      .resize({ width: options.widthMax, withoutEnlargement: true })
      .flatten({ background: "#727272" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const { width, height } = small.info;
    return await encodeWithin({ data: small.data, width, height }, options.bytesMax);
  } catch (error) {
    throw await explain(error, image, what, limits);
  }
}

/** Decodes a picture to upright RGB at its own size: for callers that look at pixels themselves. */
export async function loadRaw(
  image: ImageInput,
  what = "the frame",
  limits: ImageLimits = defaultImageLimits,
): Promise<{ readonly data: Uint8Array; readonly width: number; readonly height: number }> {
  checkBytes(image, what, limits);
  if (image.kind === "raw") return image;
  try {
    const { data, info } = await upright(await open(image, limits))
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  } catch (error) {
    throw await explain(error, image, what, limits);
  }
}

/**
 * A small RGB copy of a frame, upright, for looking at the picture as a whole. One frame size always
 * gives the same way of scaling, so copies of one camera can be compared.
 * @param longSidePixels the longer side is scaled down to this, never up
 * @returns the copy, and the size of the frame it was made from
 */
export async function loadSmall(
  image: ImageInput,
  longSidePixels: number,
  what = "the frame",
  limits: ImageLimits = defaultImageLimits,
): Promise<{ readonly data: Uint8Array; readonly frame: Size } & Size> {
  checkBytes(image, what, limits);
  try {
    const frame = await sizeOf(image, limits);
    const box = { width: longSidePixels, height: longSidePixels };
    const { data, info } = await upright(await open(image, limits))
      .resize({ ...box, fit: "inside", kernel: "linear", withoutEnlargement: true })
      .flatten({ background: "#727272" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height, frame };
  } catch (error) {
    throw await explain(error, image, what, limits);
  }
}

async function encodeWithin(
  frame: { readonly data: Uint8Array; readonly width: number; readonly height: number },
  bytesMax: number,
): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const { data, width, height } = frame;
  for (let wide = width; ; wide = Math.floor(wide / 2)) {
    for (const quality of qualities) {
      const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
        .resize({ width: wide })
        .jpeg({ quality })
        .toBuffer();
      if (jpeg.length <= bytesMax || wide <= 16) return jpeg;
    }
  }
}

async function open(image: ImageInput, limits: ImageLimits): Promise<Sharp> {
  const sharp = await loadSharp();
  if (image.kind === "encoded") {
    return sharp(image.bytes, { failOn: "error", limitInputPixels: limits.framePixelsMax });
  }
  const { width, height } = image;
  return sharp(image.data, { raw: { width, height, channels: 3 } });
}

function upright(picture: Sharp): Sharp {
  return picture.autoOrient();
}

function padded(content: Uint8Array, geometry: Geometry): Uint8Array {
  const { input, left, top } = geometry;
  const { width, height } = geometry.content;
  if (width === input.width && height === input.height) return content;
  const result = new Uint8Array(3 * input.width * input.height).fill(letterboxGrey);
  for (let y = 0; y < height; y++) {
    const row = content.subarray(3 * y * width, 3 * (y + 1) * width);
    result.set(row, 3 * ((y + top) * input.width + left));
  }
  return result;
}

function checkBytes(image: ImageInput, what: string, limits: ImageLimits): void {
  const bytes = image.kind === "encoded" ? image.bytes : image.data;
  if (bytes.byteLength > limits.frameBytesMax) {
    throw tooLarge(
      `${what} has ${bytes.byteLength} bytes, more than the ${limits.frameBytesMax} allowed (frameBytesMax)`,
    );
  }
  if (image.kind === "encoded") {
    checkFormat(image.bytes, what);
    return;
  }
  checkPixels(image, what, limits);
  if (bytes.byteLength !== 3 * image.width * image.height) {
    throw unreadable(
      `${what} is no RGB frame of ${image.width} x ${image.height} pixels: that takes ${3 * image.width * image.height} bytes and there are ${bytes.byteLength}`,
    );
  }
}

function checkPixels(size: Size, what: string, limits: ImageLimits): void {
  if (size.width * size.height <= limits.framePixelsMax) return;
  throw tooLarge(
    `${what} has ${size.width} x ${size.height} pixels, more than the ${limits.framePixelsMax} allowed (framePixelsMax); send a smaller picture`,
  );
}

/** Only formats that cameras write, told by their first bytes: no decoder beyond these is reached. */
function checkFormat(bytes: Uint8Array, what: string): void {
  if (bytes.byteLength === 0) throw unreadable(`${what} is empty`);
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  const known =
    start.startsWith("\xff\xd8\xff") ||
    start.startsWith("\x89PNG\r\n\x1a\n") ||
    (start.startsWith("RIFF") && start.endsWith("WEBP")) ||
    start.startsWith("II*\0") ||
    start.startsWith("MM\0*");
  if (!known) {
    throw unreadable(`${what} is not an image in a known format (JPEG, PNG, WebP or TIFF)`);
  }
}

/** Turns what sharp throws into a sentence that says what is the matter with the picture. */
async function explain(
  error: unknown,
  image: ImageInput,
  what: string,
  limits: ImageLimits,
): Promise<unknown> {
  if (error instanceof AppError) return error;
  const reason = messageOf(error);
  if (/pixel limit/i.test(reason) && image.kind === "encoded") {
    const sharp = await loadSharp();
    const { width, height } = await sharp(image.bytes, { limitInputPixels: false }).metadata();
    return tooLarge(
      `${what} has ${width} x ${height} pixels, more than the ${limits.framePixelsMax} allowed (framePixelsMax); send a smaller picture`,
    );
  }
  const cut = /premature end|truncated|unexpected end|end of stream|not enough/i.test(reason);
  const [firstLine = reason] = reason.split("\n");
  return unreadable(
    cut
      ? `${what} is cut short: the image ends before its last pixel`
      : `${what} cannot be decoded: ${firstLine}`,
    error,
  );
}

function tooLarge(message: string): AppError {
  return new AppError({ code: "image-too-large", message, status: 413 });
}

function unreadable(message: string, cause?: unknown): AppError {
  return new AppError({ code: "image-unreadable", message, status: 422, cause });
}
