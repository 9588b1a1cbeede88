import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { createFileBlobs } from "./blobs.ts";

const folder = await mkdtemp(join(tmpdir(), "fieldloop-blobs-"));
afterAll(() => rm(folder, { recursive: true, force: true }));
const blobs = createFileBlobs(folder);
const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");
const text = async (stream: Readable) => Buffer.concat(await stream.toArray()).toString();
const parts = async () => (await readdir(folder)).filter((name) => name.endsWith(".part"));

describe("the blob store", () => {
  it("gives back whole blobs and ranges", async () => {
    const digest = digestOf("0123456789");
    expect(await blobs.size(digest)).toBeUndefined();
    const body = Readable.from([Buffer.from("01234"), Buffer.from("56789")]);
    expect(await blobs.put(digest, body, 10)).toEqual({ bytes: 10 });
    expect(await blobs.size(digest)).toBe(10);
    expect(await text(blobs.read(digest))).toBe("0123456789");
    expect(await text(blobs.read(digest, { start: 2, end: 4 }))).toBe("234");
  });

  it("keeps nothing of what does not fit its digest, is too large or breaks off", async () => {
    const digest = digestOf("right");
    const wrong = blobs.put(digest, Readable.from([Buffer.from("wrong")]), 100);
    await expect(wrong).rejects.toMatchObject({ code: "digest-mismatch", status: 422 });
    const large = blobs.put(digest, Readable.from([Buffer.from("right")]), 4);
    await expect(large).rejects.toMatchObject({ code: "too-large", status: 413 });
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from("ri");
        throw new Error("connection reset");
      })(),
    );
    await expect(blobs.put(digest, broken, 100)).rejects.toThrow("connection reset");
    expect([await blobs.size(digest), await parts()]).toEqual([undefined, []]);
  });

  it("stores the same bytes twice without harm, also at once", async () => {
    const stored = await Promise.all([
      blobs.putBytes(Buffer.from("x")),
      blobs.putBytes(Buffer.from("x")),
    ]);
    expect(stored).toEqual(Array(2).fill({ digest: digestOf("x"), bytes: 1 }));
    expect(await parts()).toEqual([]);
  });
});
