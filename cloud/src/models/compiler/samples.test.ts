import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseLabels, readSamples } from "./samples.ts";

const input = { width: 8, height: 6, fit: "stretch" } as const;
let folder: string;
let jpeg: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fieldloop-samples-"));
  const image = {
    kind: "raw",
    data: new Uint8Array(3 * 16 * 12).fill(90),
    width: 16,
    height: 12,
  } as const;
  jpeg = await encodeJpeg(image, { widthMax: 16, bytesMax: 10_000 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function filled(name: string, files: Record<string, Uint8Array | string>): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content);
  return path;
}

describe("a folder of pictures", () => {
  it("gives a sample for each, in the order of names", async () => {
    const path = await filled("good", { "b.jpg": jpeg, "a.JPG": jpeg, "notes.txt": "hello" });
    const seen: number[] = [];
    const samples = await readSamples(path, input, undefined, (share) => seen.push(share));
    expect(samples.map(({ name, label }) => [name, label])).toEqual([
      ["a.JPG", null],
      ["b.jpg", null],
    ]);
    expect(samples[0]?.pixels.data).toHaveLength(3 * 8 * 6);
    expect(seen).toEqual([0.5, 1]);
  });

  it("gives labels, and unlabelled pictures too", async () => {
    const path = await filled("labelled", { "a.jpg": jpeg, "b.jpg": jpeg });
    const samples = await readSamples(path, input, new Map([["b.jpg", "cat"]]));
    expect(samples.map(({ name, label }) => [name, label])).toEqual([
      ["a.jpg", null],
      ["b.jpg", "cat"],
    ]);
  });

  it("must be there and hold pictures", async () => {
    await expect(readSamples(join(folder, "none"), input, undefined)).rejects.toThrow(
      /^There is no folder .*none/,
    );
    const path = await filled("empty", { "notes.txt": "hello" });
    await expect(readSamples(path, input, undefined)).rejects.toThrow(
      /^There is no picture in the calibration folder .*empty: put 100 to 1000 frames there/,
    );
  });

  it("names broken pictures, how many there are, and what is wrong with the first", async () => {
    const path = await filled("broken", {
      "a.jpg": jpeg,
      "b.jpg": jpeg.subarray(0, jpeg.length / 2),
      "c.png": "no picture",
    });
    await expect(readSamples(path, input, undefined)).rejects.toThrow(
      /^2 of 3 pictures in .*broken cannot be used: b\.jpg is cut short.* \(and 1 more like it\)/,
    );
  });

  it("must hold what the labels name", async () => {
    const path = await filled("lacking", { "a.jpg": jpeg });
    await expect(readSamples(path, input, new Map([["z.jpg", "cat"]]))).rejects.toThrow(
      /^The labels name z\.jpg, and there is no such picture in .*lacking/,
    );
  });
});

describe("labels.csv", () => {
  const parse = (text: string) => parseLabels(text, ["cat", "dog"], "labels.csv");

  it("is read with and without a heading, quotes and Windows line ends", () => {
    const expected = [
      ["a, b.jpg", "cat"],
      ["c.jpg", "dog"],
    ];
    expect([...parse('file,label\r\n"a, b.jpg",cat\r\nc.jpg, dog\r\n')]).toEqual(expected);
    expect([...parse("a, b.jpg,cat\nc.jpg,dog")]).toEqual(expected);
  });

  it.each([
    ["a.jpg", "labels.csv:1 is not of the form file,label, for example 0001.jpg,clean"],
    ["a.jpg,cow", "labels.csv:1 names the class cow; the model knows cat, dog"],
    ["a.jpg,cat\na.jpg,dog", "labels.csv:2 names a.jpg a second time"],
    ["\n\n", "labels.csv names no picture"],
  ])("is refused where it says %j", (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });
});
