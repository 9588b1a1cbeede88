import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeInferenceRequest,
  decodeInferenceResponse,
  encodeInferenceRequest,
  encodeInferenceResponse,
  inferenceLimits,
  readIdempotencyKey,
} from "./open-inference.ts";
import { asBinary, headLengthHeader } from "./open-inference-tensor.ts";

const encodings = ["json", "binary"] as const;
const image = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 1, 2, 250]);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const asRequest = (input: object, ...more: object[]) => json({ inputs: [input, ...more] });
const good = {
  name: "image",
  shape: [1],
  datatype: "BYTES",
  parameters: { content_type: "base64" },
  data: [Buffer.from(image).toString("base64")],
};
const label = { name: "label", shape: [1], datatype: "BYTES", data: ["egg"] };
const scores = { name: "scores", shape: [1], datatype: "FP32", data: [0.5] };
const response = (...outputs: object[]) => json({ model_name: "eggs", outputs });

describe("a request", () => {
  test.each(encodings)("comes out of %s as it went in", (encoding) => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.option(fc.string({ maxLength: 64 })),
        (bytes, id) => {
          const { headers, body } = encodeInferenceRequest({ id, image: bytes }, encoding);
          const back = decodeInferenceRequest(body, headers[headLengthHeader]);
          expect(back.id).toBe(id);
          expect(Buffer.from(back.image).equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("is as the protocol has it", () => {
    const { headers, body } = encodeInferenceRequest({ id: "7", image }, "binary");
    const length = Number(headers["inference-header-content-length"]);
    expect(headers["content-type"]).toBe("application/octet-stream");
    expect(JSON.parse(body.subarray(0, length).toString())).toEqual({
      id: "7",
      inputs: [
        { name: "image", shape: [1], datatype: "BYTES", parameters: { binary_data_size: 12 } },
      ],
      outputs: [{ name: "label" }, { name: "scores" }, { name: "boxes" }],
    });
    expect([...body.subarray(length)]).toEqual([8, 0, 0, 0, ...image]);
    const plain = encodeInferenceRequest({ id: null, image }, "json");
    expect(plain.headers).toEqual({ "content-type": "application/json" });
    expect(JSON.parse(plain.body.toString()).inputs).toEqual([good]);
  });

  test("may nest its data and name further members", () => {
    const body = json({
      inputs: [{ ...good, shape: [1, 1], data: [good.data] }],
      parameters: { x: 1 },
    });
    expect(decodeInferenceRequest(body, undefined).image).toEqual(Buffer.from(image));
  });

  test.each([
    ["no JSON", Buffer.from("hello"), undefined],
    ["nothing", Buffer.alloc(0), undefined],
    ["no UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), undefined],
    ["no inputs", json({ inputs: [] }), undefined],
    ["another input", asRequest({ ...good, name: "pixels" }), undefined],
    ["a second input", asRequest(good, { ...good, name: "mask" }), undefined],
    ["two pictures", asRequest({ ...good, shape: [2], data: ["AA==", "AA=="] }), undefined],
    ["numbers for a picture", asRequest({ ...good, datatype: "UINT8" }), undefined],
    ["text that is no base64", asRequest({ ...good, data: ["a b"] }), undefined],
    ["another content type", asRequest({ ...good, parameters: { content_type: "np" } }), undefined],
    ["an empty picture", asRequest({ ...good, data: [""] }), undefined],
    ["no data", asRequest({ ...good, data: undefined }), undefined],
    ["a head longer than the body", json({ inputs: [good] }), "99999"],
    ["a head whose length is no number", json({ inputs: [good] }), "1e1"],
    [
      "bytes that nobody describes",
      Buffer.concat([asRequest(good), image]),
      String(asRequest(good).length),
    ],
  ] as const)("with %s is malformed", (_, body, headLength) => {
    expect(() => decodeInferenceRequest(body, headLength)).toThrow(
      expect.objectContaining({ code: "inference-malformed" }),
    );
  });

  test.each([
    ["a length beyond the part", Buffer.from([9, 0, 0, 0, 1])],
    ["a length of four gigabytes", Buffer.from([255, 255, 255, 255, 1])],
    ["half a length", Buffer.from([1, 0])],
    ["two elements", Buffer.from([1, 0, 0, 0, 7, 1, 0, 0, 0, 7])],
  ])("whose binary part has %s is malformed", (_, part) => {
    const input = { name: "image", shape: [1], datatype: "BYTES" };
    const described = { ...input, parameters: { binary_data_size: part.length } };
    const { headers, body } = asBinary({ inputs: [described] }, [part]);
    expect(() => decodeInferenceRequest(body, headers[headLengthHeader])).toThrow(
      expect.objectContaining({ code: "inference-malformed" }),
    );
  });

  test("with too large a picture is refused as such", () => {
    for (const encoding of encodings) {
      const { headers, body } = encodeInferenceRequest({ id: null, image }, encoding);
      expect(() => decodeInferenceRequest(body, headers[headLengthHeader], 7)).toThrow(
        expect.objectContaining({ code: "inference-oversized", status: 413 }),
      );
    }
  });
});

describe("a response", () => {
  const single = fc.float({ min: 0, max: 1, noNaN: true });
  const finding = fc.record({
    label: fc
      .string({ minLength: 1, maxLength: 20, unit: "grapheme" })
      .filter((s) => s.length <= 128),
    score: single,
    box: fc.tuple(single, single, single, single),
  });

  test.each(encodings)("comes out of %s as it went in", (encoding) => {
    fc.assert(
      fc.property(
        fc.array(finding, { maxLength: 12 }),
        fc.boolean(),
        fc.option(fc.constantFrom("2.0.0", "1")),
        (findings, boxed, version) => {
          const written = {
            model: "eggs",
            version,
            id: null,
            labels: findings.map((one) => one.label),
            scores: findings.map((one) => one.score),
            boxes: boxed ? findings.map((one) => one.box) : null,
          };
          const { headers, body } = encodeInferenceResponse(written, encoding);
          const back = decodeInferenceResponse(body, headers[headLengthHeader]);
          expect(JSON.stringify(back)).toBe(JSON.stringify(written)); // -0 and 0 are alike
        },
      ),
      { numRuns: 100 },
    );
  });

  test("may nest its boxes, and have 64-bit scores and further outputs", () => {
    const boxes = { name: "boxes", shape: [1, 4], datatype: "FP64", data: [[0, 0.1, 0.2, 0.3]] };
    const other = { name: "embedding", shape: [2], datatype: "FP32", data: [1, 2] };
    const body = response(other, label, { ...scores, datatype: "FP64" }, boxes);
    expect(decodeInferenceResponse(body, undefined)).toEqual({
      model: "eggs",
      version: null,
      id: null,
      labels: ["egg"],
      scores: [0.5],
      boxes: [[0, 0.1, 0.2, 0.3]],
    });
  });

  test("has a probability that rounding left outside brought back", () => {
    const body = response(label, { ...scores, data: [1.0000001] });
    expect(decodeInferenceResponse(body, undefined).scores).toEqual([1]);
  });

  test.each([
    ["no labels", response(scores)],
    ["no scores", response(label)],
    ["fewer scores than labels", response(label, { ...scores, data: [] })],
    ["more scores than labels", response(label, { ...scores, data: [0.5, 0.5] })],
    ["a score that is text", response(label, { ...scores, data: ["0.5"] })],
    ["a score that is null", response(label, { ...scores, data: [null] })],
    ["a score above 1", response(label, { ...scores, data: [17] })],
    ["a type nobody knows", response(label, { ...scores, datatype: "constructor" })],
    ["labels that are numbers", response({ ...label, data: [3] }, scores)],
    ["an empty label", response({ ...label, data: [""] }, scores)],
    [
      "half a box",
      response(label, scores, { name: "boxes", shape: [1, 2], datatype: "FP32", data: [0, 1] }),
    ],
    [
      "too many labels",
      response({ ...label, data: Array(inferenceLimits.findingsMax + 1).fill("x") }, scores),
    ],
    [
      "data nested without end",
      response({ ...label, data: JSON.parse("[".repeat(50) + "]".repeat(50)) }, scores),
    ],
    ["no model", json({ outputs: [label, scores] })],
    ["only null", json(null)],
  ])("with %s is malformed", (_, body) => {
    expect(() => decodeInferenceResponse(body, undefined)).toThrow(
      expect.objectContaining({ code: "inference-malformed" }),
    );
  });

  test("of any bytes whatever is malformed or read, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 100 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        fc.option(fc.oneof(fc.nat({ max: 120 }).map(String), fc.string()), { nil: undefined }),
        (body, headLength) => {
          for (const decode of [decodeInferenceRequest, decodeInferenceResponse]) {
            try {
              decode(body, headLength);
            } catch (error) {
              expect(error).toMatchObject({ name: "AppError" });
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

test("an idempotency key is read with quotes and without, and nothing else is one", () => {
  expect(readIdempotencyKey("dev-1:boot:17")).toBe("dev-1:boot:17");
  expect(readIdempotencyKey('"dev-1:boot:17"')).toBe("dev-1:boot:17");
  for (const bad of [undefined, "", '""', "a b", "é", "x".repeat(129), 'a"b'])
    expect(readIdempotencyKey(bad)).toBeUndefined();
});
