import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import { sha256Of, sha256OfFile } from "./sha256.ts";

// FIPS 180-4 example: the digest of "abc".
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

test("digests match the standard's example, in memory and in a file", async () => {
  expect(sha256Of("abc")).toBe(abc);
  const folder = await mkdtemp(join(tmpdir(), "sha-"));
  await writeFile(join(folder, "f"), "abc");
  expect(await sha256OfFile(join(folder, "f"))).toEqual({ digest: abc, bytes: 3 });
  await rm(folder, { recursive: true });
});

test("canonical JSON is valid JSON of the same value and does not depend on key order", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalJson(reversed)).toBe(text);
    }),
  );
});

test("canonical JSON sorts by code units and writes numbers as ECMAScript does", () => {
  expect(canonicalJson({ b: 1e21, a: [1.5, null, "é"], B: undefined, "\u20ac": -0 })).toBe(
    '{"a":[1.5,null,"é"],"b":1e+21,"€":0}',
  );
  expect(() => canonicalJson({ a: Number.NaN })).toThrow("finite");
});
