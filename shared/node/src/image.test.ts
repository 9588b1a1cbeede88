import { toFrame } from "@fieldloop/shared/vision/fit";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { encodeJpeg, loadPixels, loadRaw } from "./image.ts";

type Format = "jpeg" | "png" | "webp";
const solid = (width: number, height: number, colour: string, format: Format = "jpeg") =>
  sharp({ create: { width, height, channels: 3, background: colour } })
    .toFormat(format)
    .toBuffer();

const encoded = (bytes: Uint8Array) => ({ kind: "encoded", bytes }) as const;
const to = (width: number, height: number, fit: "stretch" | "letterbox" = "stretch") => ({
  size: { width, height },
  fit,
});

/** A JPEG whose header claims another size. */
async function withHeader(width: number, height: number): Promise<Uint8Array> {
  const jpeg = await solid(64, 64, "red");
  const at = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
  jpeg.writeUInt16BE(height, at + 5);
  jpeg.writeUInt16BE(width, at + 7);
  return jpeg;
}

async function noise(width: number, height: number): Promise<Uint8Array> {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7919 + i * i) % 256);
  return data;
}

describe("loadPixels", () => {
  it("gives RGB bytes of the model's size", async () => {
    const { data, geometry } = await loadPixels(
      encoded(await solid(64, 48, "#ff0000")),
      to(16, 12),
    );
    expect(data).toHaveLength(16 * 12 * 3);
    expect(data[0]).toBeGreaterThan(250);
    expect(data[1]).toBeLessThan(5);
    expect(geometry).toEqual({
      input: { width: 16, height: 12 },
      content: { width: 16, height: 12 },
      left: 0,
      top: 0,
    });
  });

  it("scales raw frames exactly as the demo's training set was scaled", async () => {
    const raw = await noise(320, 240);
    const trained = await sharp(raw, { raw: { width: 320, height: 240, channels: 3 } })
      .resize(160, 120, { fit: "fill", kernel: "linear", fastShrinkOnLoad: true })
      .removeAlpha()
      .raw()
      .toBuffer();
    const frame = { kind: "raw", data: raw, width: 320, height: 240 } as const;
    const { data } = await loadPixels(frame, to(160, 120));
    expect(Buffer.compare(data, trained)).toBe(0);
  });

  it("keeps the aspect ratio in a letterbox and paints the bars grey", async () => {
    const image = encoded(await solid(200, 100, "#00ff00", "png"));
    const { data, geometry } = await loadPixels(image, to(20, 20, "letterbox"));
    expect(geometry).toEqual({
      input: { width: 20, height: 20 },
      content: { width: 20, height: 10 },
      left: 0,
      top: 5,
    });
    expect([...data.subarray(0, 3)]).toEqual([114, 114, 114]);
    expect([...data.subarray(3 * 20 * 10, 3 * 20 * 10 + 3)]).toEqual([0, 255, 0]);
    expect([...data.subarray(-3)]).toEqual([114, 114, 114]);
  });

  it("gives the same letterbox for a raw frame as for its PNG", async () => {
    const data = await noise(90, 61);
    const raw = { kind: "raw", data, width: 90, height: 61 } as const;
    const png = await sharp(data, { raw: { width: 90, height: 61, channels: 3 } })
      .png()
      .toBuffer();
    const a = await loadPixels(raw, to(32, 32, "letterbox"));
    const b = await loadPixels(encoded(png), to(32, 32, "letterbox"));
    expect(a.geometry).toEqual(b.geometry);
    expect(Buffer.compare(a.data, b.data)).toBe(0);
  });

  it("turns a picture upright as its EXIF orientation says", async () => {
    const data = Uint8Array.from({ length: 40 * 20 * 3 }, (_, i) => (i % (40 * 3) < 60 ? 255 : 0));
    const turned = await sharp(data, { raw: { width: 40, height: 20, channels: 3 } })
      .png()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const { geometry, data: pixels } = await loadPixels(encoded(turned), to(20, 20, "letterbox"));
    expect(geometry.content).toEqual({ width: 10, height: 20 });
    const middle = 3 * 10; // the white half is above once the picture is turned
    expect(pixels[middle]).toBe(255);
    expect(pixels[3 * 20 * 19 + middle]).toBe(0);
  });

  it("makes three channels of greyscale, transparent and 16-bit pictures", async () => {
    const base = sharp(await solid(40, 30, "#c80a0a", "png"));
    const pictures = [
      await base.clone().toColourspace("b-w").png().toBuffer(),
      await base.clone().ensureAlpha(0.5).png().toBuffer(),
      await base.clone().toColourspace("rgb16").png().toBuffer(),
      await base.clone().toColourspace("cmyk").jpeg().toBuffer(),
      await base.clone().webp().toBuffer(),
    ];
    for (const picture of pictures) {
      expect((await loadPixels(encoded(picture), to(8, 6))).data).toHaveLength(8 * 6 * 3);
    }
  });

  it("reads a picture of one pixel", async () => {
    const { data } = await loadPixels(encoded(await solid(1, 1, "#0000ff")), to(320, 240));
    expect(data).toHaveLength(320 * 240 * 3);
    expect(data[2]).toBeGreaterThan(250);
    const boxed = await loadPixels(encoded(await solid(1, 1, "#0000ff")), to(32, 24, "letterbox"));
    expect(boxed.geometry.content).toEqual({ width: 24, height: 24 });
  });

  it("says that a JPEG is cut short", async () => {
    const raw = { width: 200, height: 200, channels: 3 } as const;
    const jpeg = await sharp(await noise(200, 200), { raw })
      .jpeg()
      .toBuffer();
    for (const length of [jpeg.length - 5, jpeg.length >> 1, 300]) {
      await expect(
        loadPixels(encoded(jpeg.subarray(0, length)), to(16, 12), "photo.jpg"),
      ).rejects.toMatchObject({
        code: "image-unreadable",
        message: "photo.jpg is cut short: the image ends before its last pixel",
      });
    }
  });

  it("refuses a header of a hundred million pixels before decoding it", async () => {
    const jpeg = await withHeader(10_000, 10_000);
    await expect(loadPixels(encoded(jpeg), to(16, 12), "huge.jpg")).rejects.toMatchObject({
      code: "image-too-large",
      message:
        "huge.jpg has 10000 x 10000 pixels, more than the 24000000 allowed (framePixelsMax); send a smaller picture",
    });
  });

  it("refuses more bytes than allowed", async () => {
    const limits = { frameBytesMax: 100, framePixelsMax: 1000 };
    const image = encoded(await solid(64, 64, "red"));
    await expect(loadPixels(image, to(16, 12), "big.jpg", limits)).rejects.toThrow(
      /^big\.jpg has \d+ bytes, more than the 100 allowed \(frameBytesMax\)$/,
    );
  });

  it("says what is no image at all", async () => {
    const text = encoded(Buffer.from("hello, I am a text file"));
    await expect(loadPixels(text, to(16, 12), "notes.txt")).rejects.toMatchObject({
      code: "image-unreadable",
      message: "notes.txt is not an image in a known format (JPEG, PNG, WebP or TIFF)",
    });
    const svg = encoded(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9"/>'));
    await expect(loadPixels(svg, to(16, 12))).rejects.toThrow("not an image in a known format");
    await expect(loadPixels(encoded(new Uint8Array()), to(16, 12))).rejects.toThrow(
      "the frame is empty",
    );
  });

  it("refuses a raw frame whose bytes do not match its size", async () => {
    const frame = { kind: "raw", data: new Uint8Array(10), width: 4, height: 4 } as const;
    await expect(loadPixels(frame, to(16, 12))).rejects.toThrow(
      "the frame is no RGB frame of 4 x 4 pixels: that takes 48 bytes and there are 10",
    );
  });
});

describe("a region of a picture", () => {
  /** Four quarters: red, green, blue, white. */
  const quarters = async (orientation?: number) => {
    const [width, height] = [40, 20];
    const data = new Uint8Array(3 * width * height);
    const colours = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
      [255, 255, 255],
    ];
    for (let i = 0; i < width * height; i++) {
      const quarter = (i % width < width / 2 ? 0 : 1) + (i < (width * height) / 2 ? 0 : 2);
      data.set(colours[quarter] ?? [], 3 * i);
    }
    const raw = { kind: "raw", data, width, height } as const;
    const picture = sharp(data, { raw: { width, height, channels: 3 } }).png();
    const bytes = await (orientation ? picture.withMetadata({ orientation }) : picture).toBuffer();
    return { raw, png: encoded(bytes) };
  };
  const pixel = (data: Uint8Array) => [...data.subarray(0, 3)];

  it("is cut out of raw and encoded frames alike, and boxes find their way back", async () => {
    const { raw, png } = await quarters();
    for (const image of [raw, png]) {
      const region = [0.5, 0.5, 1, 1] as const;
      const { data, geometry } = await loadPixels(image, { ...to(10, 10), region });
      expect(data.every((value) => value === 255)).toBe(true);
      expect(geometry.region).toEqual([0.5, 0.5, 1, 1]);
      expect(toFrame([0, 0, 0.5, 1], geometry)).toEqual([0.5, 0.5, 0.75, 1]);
    }
  });

  it("is cut from the upright picture", async () => {
    // Orientation 6: turned clockwise by a quarter to be upright; blue comes to the top left.
    const { png } = await quarters(6);
    const region = [0, 0, 0.5, 0.5] as const;
    expect(pixel((await loadPixels(png, { ...to(4, 4), region })).data)).toEqual([0, 0, 255]);
  });

  it("keeps its own aspect ratio in a letterbox", async () => {
    const { raw } = await quarters();
    const region = [0, 0, 1, 0.5] as const;
    const { geometry } = await loadPixels(raw, { ...to(40, 40, "letterbox"), region });
    expect(geometry.content).toEqual({ width: 40, height: 10 });
    expect(toFrame([0, 15 / 40, 1, 25 / 40], geometry)).toEqual([0, 0, 1, 0.5]);
  });

  it("has at least one pixel, inside the picture", async () => {
    const { raw } = await quarters();
    for (const region of [
      [1, 1, 1, 1],
      [0.999, 0, 1, 0.0001],
      [0.2, 0.2, 0.2, 0.2],
    ] as const) {
      const { data } = await loadPixels(raw, { ...to(2, 2), region });
      expect(data).toHaveLength(12);
    }
  });
});

describe("encodeJpeg", () => {
  it("steps quality and size down until the file is small enough", async () => {
    const frame = { kind: "raw", data: await noise(640, 480), width: 640, height: 480 } as const;
    const jpeg = await encodeJpeg(frame, { widthMax: 480, bytesMax: 20_000 });
    expect(jpeg.length).toBeLessThanOrEqual(20_000);
    const { width, height } = await loadRaw(encoded(jpeg));
    expect(width).toBeLessThanOrEqual(480);
    expect(width / height).toBeCloseTo(4 / 3, 1);
  });

  it("never scales a picture up", async () => {
    const jpeg = await encodeJpeg(encoded(await solid(64, 48, "red", "png")), {
      widthMax: 480,
      bytesMax: 20_000,
    });
    expect(await loadRaw(encoded(jpeg))).toMatchObject({ width: 64, height: 48 });
  });
});
