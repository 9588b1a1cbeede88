import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type EngineMessage, encodeHead, MessageReader, messageLimits } from "./messages.ts";

const result = (dims: readonly number[], id = 1) => ({
  type: "result",
  id,
  outputs: [{ name: "scores", dims }],
});

/** What a reader makes of the bytes, copied out of its buffer. */
function read(chunks: readonly Uint8Array[]): EngineMessage[] {
  const messages: EngineMessage[] = [];
  const reader = new MessageReader(({ head, payload }) =>
    messages.push({ head, payload: payload.slice() }),
  );
  for (const chunk of chunks) reader.push(chunk);
  return messages;
}

describe("MessageReader", () => {
  it("gives back what was written, however the pipe cuts it", () => {
    const message = fc.record({
      id: fc.nat(),
      name: fc.string({ minLength: 1, maxLength: 20 }),
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        (list, cuts) => {
          const heads = list.map(({ id, name, payload }) => {
            return { type: "result", id, outputs: [{ name, dims: [payload.length] }] };
          });
          const bytes = Buffer.concat(
            list.flatMap(({ payload }, i) => [encodeHead(heads[i] ?? {}, payload.length), payload]),
          );
          const chunks: Uint8Array[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const length = cuts[i % cuts.length] ?? 1;
            chunks.push(bytes.subarray(at, at + length));
            at += length;
          }
          expect(read(chunks)).toEqual(
            list.map(({ payload }, i) => ({ head: heads[i], payload: new Uint8Array(payload) })),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it("throws a sentence for anything else, and never anything but that", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 200 }), (bytes) => {
        fc.pre(!Buffer.from(bytes.subarray(0, 4)).equals(Buffer.from("FLE1")));
        expect(() => read([bytes])).toThrow(/^the engine does not keep to the protocol: it wrote /);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["a line of text", Buffer.from("warnings: 0\n"), 'it wrote "warn" where a message begins'],
    ["JSON that is no message", encodeHead({ type: "greeting" }, 0), "which is no message"],
    ["a message without its id", encodeHead({ type: "opened" }, 0), "which is no message"],
    ["shapes below zero", encodeHead(result([-1]), 0), "which is no message"],
    [
      "a payload beyond the bound",
      encodeHead(result([1]), messageLimits.payloadBytesMax + 1),
      "is larger than allowed",
    ],
  ])("refuses %s", (_what, bytes, reason) => expect(() => read([bytes])).toThrow(reason));

  it("notices a wrong beginning with its first byte", () => {
    expect(() => read([Buffer.from("x")])).toThrow('it wrote "x" where a message begins');
    expect(read([Buffer.from("FL")])).toEqual([]);
  });
});
