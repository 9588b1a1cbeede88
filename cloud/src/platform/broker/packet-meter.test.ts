import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PacketMeter } from "./packet-meter.ts";

function packet(length: number): Buffer {
  const head = [0x30];
  let rest = length;
  do {
    const more = rest > 127;
    head.push((rest % 128) | (more ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(head), Buffer.alloc(length, 0xff)]);
}

describe("packet meter", () => {
  it("finds the first packet over the limit however the bytes are cut", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 5000 }), (all, chunkBytes) => {
        const meter = new PacketMeter();
        const bytes = Buffer.concat(all.map(packet));
        let found: number | undefined;
        for (let i = 0; i < bytes.length && found === undefined; i += chunkBytes)
          found = meter.pass(bytes.subarray(i, i + chunkBytes), 20_000);
        expect(found).toBe(all.find((length) => length > 20_000));
      }),
    );
  });

  it("speaks up on the header, before the body comes", () => {
    expect(new PacketMeter().pass(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), 1000)).toBe(
      268_435_455,
    );
  });
});
