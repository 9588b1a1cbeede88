import { gzipSync } from "node:zlib";
import { toColumns } from "@fieldloop/shared/messages/telemetry";
import { batchOf, resultRow, testIngest } from "@fieldloop/test/services/ingest-rig";
import { describe, expect, it } from "vitest";
import { ingestStatus } from "./reads.ts";

const { db, ingest, device, accept, tell, acksOf, rowsOf, quarantineOf } = await testIngest();

describe("what is wrong", () => {
  const good = () => batchOf(1, [resultRow(1), resultRow(2)]);
  const cases: [string, () => object | string | Buffer, string][] = [
    ["text that is no JSON", () => "hello", "not JSON"],
    ["truncated JSON", () => '{"v":1,', "not JSON"],
    ["bytes that are no text", () => Buffer.from([0, 1, 2, 0xff]), "not JSON"],
    ["nothing at all", () => "", "not JSON"],
    ["half a gzip file", () => gzipSync(JSON.stringify(good())).subarray(0, 40), "not valid gzip"],
    ["a gzip bomb", () => gzipSync(Buffer.alloc(8 * 1024 * 1024, "[")), "inflates beyond"],
    ["an oversized payload", () => Buffer.alloc(300 * 1024, "{"), "at most 262144"],
    ["another version", () => ({ ...good(), v: 2 }), "v:"],
    [
      "unequal columns",
      () => ({ ...good(), results: { ...toColumns([resultRow(1)]), seq: [1, 2] } }),
      "equally long",
    ],
    ["a number beyond 2^53", () => batchOf(1, [resultRow(2 ** 53)]), "seq"],
    ["a number of zero", () => batchOf(1, [resultRow(0)]), "begin at 1"],
    ["an epoch with no room above it", () => batchOf(2 ** 52, [resultRow(1)]), "epoch"],
    ["a range that runs backwards", () => batchOf(1, [], { skipped: [[5, 2, "x"]] }), "skipped"],
    ["a NUL in a text", () => batchOf(1, [resultRow(1, { frame: "a\0b" })]), "U+0000"],
    ["half a character", () => batchOf(1, [resultRow(1, { label: "\ud800" })]), "surrogate"],
    [
      "a prototype in disguise",
      () => '{"v":1,"epoch":1,"__proto__":{"polluted":true}}',
      "not allowed",
    ],
    [
      "nesting without end",
      () => `{"v":1,"epoch":1,"x":${"[".repeat(5000)}${"]".repeat(5000)}}`,
      "deep",
    ],
  ];

  it.each(cases)(
    "%s goes to quarantine with its reason and is not acknowledged",
    async (_n, make, why) => {
      const id = await device();
      const payload = make();
      await tell(id, "tm", payload);
      const [row, ...more] = await quarantineOf(id);
      expect(row?.reason).toContain(why);
      expect(more).toEqual([]);
      expect(row?.head.length).toBeLessThanOrEqual(4 + 2 * 512);
      expect(acksOf(id)).toEqual([]);
      await tell(id, "tm", good());
      expect(acksOf(id)).toHaveLength(1);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    },
  );

  it("does not take good messages beside it along", async () => {
    const id = await device();
    accept(id, "tm", batchOf(1, [resultRow(1)]));
    accept(id, "tm", "garbage");
    accept(id, "tm", batchOf(1, [resultRow(2)]));
    await ingest.idle();
    expect(await rowsOf(id)).toHaveLength(2);
    expect(acksOf(id).at(-1)?.upTo).toBe(2);
  });

  it("is kept a hundred times a day for a device, and counted beyond that", async () => {
    const id = await device();
    for (let i = 0; i < 120; i++) accept(id, "tm", "garbage");
    await ingest.idle();
    expect(await quarantineOf(id)).toHaveLength(100);
    expect((await ingestStatus(db, id)).quarantined).toBe(120);
  });

  it("is labels from a camera, and telemetry from a station", async () => {
    const camera = await device();
    const station = await device("station");
    await tell(camera, "labels", { v: 1, id: "1", labels: [] });
    await tell(station, "tm", batchOf(1, [resultRow(1)]));
    expect((await quarantineOf(camera))[0]?.reason).toBe("a camera may not publish on labels");
    expect((await quarantineOf(station))[0]?.reason).toBe("a station may not publish on tm");
  });
});
