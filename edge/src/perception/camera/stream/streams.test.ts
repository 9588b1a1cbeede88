import { encodeJpeg } from "@fieldloop/shared-node/image";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Parsed, parserOf, type StreamFormat } from "./parser.ts";
import { isSubsampled, rawFormats, rawFrameBytes, toRgb } from "./pixel-formats.ts";

const limits = { frameBytesMax: 100_000, framePixelsMax: 30_000 };

/** Pushes bytes in pieces of the given sizes, over and over. */
function parse(format: StreamFormat, bytes: Uint8Array, pieces: readonly number[]) {
  const parser = parserOf(format, limits);
  const found: Parsed[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = pieces[i % pieces.length] ?? 1;
    found.push(...parser.push(bytes.slice(at, at + size)));
    at += size;
  }
  const garbage = found.reduce((sum, one) => sum + (one.kind === "garbage" ? one.bytes : 0), 0);
  const images = found.flatMap((one) => (one.kind === "frame" ? [one.image] : []));
  const oversized = found.filter(({ kind }) => kind === "oversized").length;
  return { images, garbage, oversized, pending: parser.pendingBytes };
}

const whole = [1_000_000];
const pieces = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 });
const concat = (...parts: readonly Uint8Array[]) => Buffer.concat(parts);

describe("a stream of JPEG pictures", () => {
  const mjpeg = { kind: "mjpeg" } as const;
  let pictures: Uint8Array[];

  beforeAll(async () => {
    const sizes = [
      [8, 8],
      [33, 17],
      [64, 48],
    ];
    pictures = await Promise.all(
      sizes.map(([width = 0, height = 0]) => {
        const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7919) % 251);
        const size = { widthMax: width, bytesMax: 50_000 };
        return encodeJpeg({ kind: "raw", data, width, height }, size);
      }),
    );
    // One with a preview inside, as cameras write them.
    const [small, large] = [pictures[0]!, pictures[2]!];
    const app1 = concat(Uint8Array.of(0xff, 0xe1, 0, 0), Buffer.from("Exif\0\0"), small);
    app1.writeUInt16BE(app1.length - 2, 2);
    pictures.push(concat(large.subarray(0, 2), app1, large.subarray(2)));
  });

  /** Anything in which no picture begins. */
  const between = fc
    .uint8Array({ maxLength: 300 })
    .map((bytes) => bytes.map((byte, i) => (byte === 0xd8 && bytes[i - 1] === 0xff ? 0 : byte)))
    .map((bytes) => (bytes.at(-1) === 0xff ? bytes.fill(0, -1) : bytes));

  it("gives every picture unchanged and counts the rest, however it is cut", () => {
    const parts = fc.array(fc.tuple(fc.nat(3), between), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(parts, pieces, (list, sizes) => {
        const stream = list.flatMap(([which, garbage]) => [garbage, pictures[which]!]);
        const { images, garbage, pending } = parse(mjpeg, concat(...stream), sizes);
        const bytes = images.map((one) => (one.kind === "encoded" ? one.bytes : undefined));
        expect(bytes).toEqual(list.map(([which]) => Buffer.from(pictures[which]!)));
        expect(garbage).toBe(list.reduce((sum, [, { length }]) => sum + length, 0));
        expect(pending).toBe(0);
      }),
    );
  });

  it("goes on with the next picture where one breaks off", () => {
    fc.assert(
      fc.property(
        fc.nat(3),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        pieces,
        (n, cut, by) => {
          const broken = pictures[n]!.subarray(0, Math.floor(cut * pictures[n]!.length));
          const next = [pictures[1]!, pictures[2]!, pictures[0]!];
          const { images } = parse(mjpeg, concat(broken, ...next), by);
          const found = images.map((one) => (one.kind === "encoded" ? one.bytes.length : 0));
          // A cut inside a segment swallows what the segment's length promised, and no more.
          expect(found.slice(-1)).toEqual([pictures[0]!.length]);
        },
      ),
    );
  });

  it("holds no more than one picture of whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 30 }), (chunks) => {
        const parser = parserOf(mjpeg, { ...limits, frameBytesMax: 8000 });
        let garbage = 0;
        for (const chunk of [Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2), ...chunks]) {
          for (const one of parser.push(chunk)) if (one.kind === "garbage") garbage += one.bytes;
          expect(parser.pendingBytes).toBeLessThanOrEqual(8000);
        }
        expect(garbage).toBeLessThanOrEqual(chunks.reduce((sum, { length }) => sum + length, 6));
      }),
    );
  });

  it("says how large a picture above the limit was", () => {
    const endless = concat(Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2), Buffer.alloc(100_001));
    expect(parse(mjpeg, endless, whole).oversized).toBe(1);
    expect(parse(mjpeg, concat(endless, pictures[0]!), [4096]).images).toHaveLength(1);
  });
});

describe("a stream of PPM pictures", () => {
  const ppm = { kind: "ppm" } as const;
  const picture = fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 30 }), fc.nat(255))
    .map(([width, height, seed]) => ({
      width,
      height,
      data: Buffer.from(
        Array.from({ length: 3 * width * height }, (_, i) => (i * 31 + seed) % 256),
      ),
    }));
  const heads = [
    (w: number, h: number) => `P6\n${w} ${h}\n255\n`,
    (w: number, h: number) => `P6 ${w}\t${h} 255 `,
    (w: number, h: number) => `P6\n# a camera P6 1 1 255\n${w} ${h}\n# deep\n255\n`,
  ];
  const garbage = fc.string({ maxLength: 40, unit: fc.constantFrom(..."abcP7 \n0") });

  it("gives every picture with its own size, however it is cut", () => {
    const list = fc.array(fc.tuple(picture, fc.nat(2)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(list, pieces, (pictures, sizes) => {
        const parts = pictures.flatMap(([{ width, height, data }, head]) => [
          Buffer.from(heads[head]?.(width, height) ?? ""),
          data,
        ]);
        const found = parse(ppm, concat(...parts), sizes);
        expect(found.images).toEqual(pictures.map(([one]) => ({ kind: "raw", ...one })));
        expect(found).toMatchObject({ garbage: 0, pending: 0 });
      }),
    );
  });

  it("finds the next picture after garbage", () => {
    fc.assert(
      fc.property(garbage, picture, pieces, (noise, { width, height, data }, sizes) => {
        const head = Buffer.from(heads[0]?.(width, height) ?? "");
        const found = parse(ppm, concat(Buffer.from(noise), head, data), sizes);
        expect(found.images).toEqual([{ kind: "raw", width, height, data }]);
        expect(found.garbage).toBe(noise.length);
      }),
    );
  });

  it("skips a picture above the limits without keeping it", () => {
    const large = concat(Buffer.from("P6 300 200 255\n"), Buffer.alloc(180_000, 7));
    const small = concat(Buffer.from("P6 1 1 255\n"), Uint8Array.of(1, 2, 3));
    const found = parse(ppm, concat(large, small), [4096]);
    expect(found).toMatchObject({ oversized: 1, garbage: 0 });
    expect(found.images).toHaveLength(1);
  });

  it.each(["P6 0 5 255\n", "P6 1 1 65535\n", "P5 1 1 255\n", `P6 ${"9".repeat(400)} 1 255\n`])(
    "takes no picture from the header %j",
    (head) => {
      const found = parse(ppm, concat(Buffer.from(head), Buffer.alloc(500)), whole);
      expect(found.images).toEqual([]);
      expect(found.garbage + found.pending).toBe(head.length + 500);
    },
  );
});

describe("a stream of bare pixels", () => {
  it("is cut into pictures of the given size, however it comes", () => {
    fc.assert(
      fc.property(fc.constantFrom(...rawFormats), fc.nat(4), pieces, (pixels, count, sizes) => {
        const [width, height] = [6, 4];
        const bytes = rawFrameBytes(pixels, width, height);
        const stream = Buffer.from(Array.from({ length: count * bytes + 5 }, (_, i) => i % 256));
        const found = parse({ kind: "raw", pixels, width, height }, stream, sizes);
        const expected = Array.from({ length: count }, (_, i) => ({
          kind: "raw",
          width,
          height,
          data: toRgb(stream.subarray(i * bytes, (i + 1) * bytes), pixels, width, height),
        }));
        expect(
          found.images.map((one) => ({ ...one, data: [...("data" in one ? one.data : [])] })),
        ).toEqual(expected.map((one) => ({ ...one, data: [...one.data] })));
        expect(found.pending).toBe(5);
      }),
    );
  });

  it("does not write to a picture that was handed over", () => {
    const parser = parserOf({ kind: "raw", pixels: "rgb24", width: 1, height: 1 }, limits);
    const [first] = parser.push(Uint8Array.of(1, 2, 3));
    parser.push(Uint8Array.of(4, 5, 6));
    expect(first).toMatchObject({ image: { data: Buffer.from([1, 2, 3]) } });
  });
});

describe("bare pixels as RGB", () => {
  /** White, black and the primaries as BT.601 with limited range writes them: Y, U, V. */
  const colours = [
    ["white", [235, 128, 128], [255, 255, 255]],
    ["black", [16, 128, 128], [0, 0, 0]],
    ["red", [81, 90, 240], [255, 0, 0]],
    ["green", [145, 54, 34], [0, 255, 0]],
    ["blue", [41, 240, 110], [0, 0, 255]],
  ] as const;

  it.each(colours)("%s comes out of planes as itself", (_, [y, u, v], rgb) => {
    const luma = [y, y, y, y];
    for (const [format, chroma] of [
      ["yuv420p", [u, v]],
      ["nv12", [u, v]],
    ] as const) {
      const found = toRgb(Uint8Array.from([...luma, ...chroma]), format, 2, 2);
      for (let i = 0; i < 12; i++) {
        expect(Math.abs((found[i] ?? 0) - (rgb[i % 3] ?? 0)), `${format} ${i}`).toBeLessThan(3);
      }
    }
  });

  it("each quarter of a picture has the colour of its own sample", () => {
    const luma = new Array(16).fill(128);
    const planar = Uint8Array.from([...luma, 10, 20, 30, 40, 50, 60, 70, 80]);
    const woven = Uint8Array.from([...luma, 10, 50, 20, 60, 30, 70, 40, 80]);
    const rgb = toRgb(planar, "yuv420p", 4, 4);
    expect(toRgb(woven, "nv12", 4, 4)).toEqual(rgb);
    const at = (x: number, y: number) => [...rgb.subarray(3 * (4 * y + x), 3 * (4 * y + x) + 3)];
    expect(at(0, 0)).toEqual(at(1, 1));
    expect(at(2, 2)).toEqual(at(3, 3));
    expect(new Set([at(0, 0), at(2, 0), at(0, 2), at(2, 2)].map(String)).size).toBe(4);
  });

  it("swaps and repeats channels", () => {
    expect([...toRgb(Uint8Array.of(1, 2, 3), "bgr24", 1, 1)]).toEqual([3, 2, 1]);
    expect([...toRgb(Uint8Array.of(9, 8), "gray", 2, 1)]).toEqual([9, 9, 9, 8, 8, 8]);
    expect(rawFormats.filter(isSubsampled)).toEqual(["yuv420p", "nv12"]);
  });
});
