import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodePayload, encodePayload } from "./payload.ts";

const limits = { gzipBytesMin: 512, payloadBytesMax: 4096, inflatedBytesMax: 64 * 1024 };

test("whatever JSON object goes in comes out", async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (message) => {
      const roomy = { ...limits, payloadBytesMax: 1e6, inflatedBytesMax: 1e6 };
      const back = await decodePayload(await encodePayload(message, roomy), roomy);
      expect(back).toEqual(JSON.parse(JSON.stringify(message)));
    }),
    { numRuns: 60 },
  );
});

test("a small message stays readable and a large one is compressed", async () => {
  expect((await encodePayload({ a: 1 }, limits)).toString()).toBe('{"a":1}');
  const large = await encodePayload({ a: "x".repeat(5000) }, limits);
  expect(large[0]).toBe(0x1f);
  expect(large.length).toBeLessThan(100);
});

test("what is too large for the wire is refused when written and when read", async () => {
  const noise = Array.from({ length: 4000 }, (_, i) => Math.sin(i));
  await expect(encodePayload({ noise }, limits)).rejects.toMatchObject({
    code: "payload-oversized",
  });
  await expect(decodePayload(Buffer.alloc(5000, "{"), limits)).rejects.toMatchObject({
    code: "payload-oversized",
    status: 413,
  });
});

test("a gzip bomb is refused without inflating it", async () => {
  const bomb = gzipSync(Buffer.alloc(2_000_000));
  expect(bomb.length).toBeLessThan(limits.payloadBytesMax);
  await expect(decodePayload(bomb, limits)).rejects.toMatchObject({ code: "payload-inflates" });
});

test.each([
  ["broken gzip", Buffer.from([0x1f, 0x8b, 1, 2, 3])],
  ["no JSON", Buffer.from("hello")],
  ["no UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
  ["nothing", Buffer.alloc(0)],
])("%s is malformed", async (_, payload) => {
  await expect(decodePayload(payload, limits)).rejects.toMatchObject({ code: "payload-malformed" });
});
