import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@fieldloop/shared/errors";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { convAttributes, netBuilder } from "../../test/nets.ts";
import { buildNet, steps } from "../../test/random-nets.ts";
import { decodeModel, encodeModel } from "./codec.ts";
import { readModelFile, writeModelWithExternalData } from "./external-data.ts";
import { graphOf, modelOf } from "./graph.ts";
import { fromHalf, toHalf } from "./half.ts";
import { type ModelProto, revise, type TensorProto, toBigInt, toNumber } from "./proto.ts";
import { inferTypes } from "./shapes/infer.ts";
import { dataOf, floatsOf, tensorOf } from "./tensor.ts";

const faceDetector = join(
  process.env.FIELDLOOP_TEST_DATA ?? "../shared/data",
  "face-detector.onnx",
);
const folder = await mkdtemp(join(tmpdir(), "fieldloop-onnx-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

function smallModel(): ModelProto {
  const net = netBuilder();
  const conv = net.add("Conv", ["x", net.weight([4, 3, 3, 3]), net.weight([4])], convAttributes(3));
  return modelOf(net.build([1, 3, 8, 8], [net.add("Relu", [conv])]));
}

/** A message `field: bytes` as it stands in a file. */
function extra(field: number, content: string): Uint8Array {
  const bytes = new TextEncoder().encode(content);
  return Uint8Array.from([
    (((field << 3) | 2) & 0x7f) | 0x80,
    (field << 3) >> 7,
    bytes.length,
    ...bytes,
  ]);
}

describe("reading and writing ONNX", () => {
  it.skipIf(!existsSync(faceDetector))("gives back the bytes of a real exporter", () => {
    const bytes = readFileSync(faceDetector);
    const model = decodeModel(bytes);
    const written = encodeModel(model);
    expect(written.length).toBe(bytes.length);
    expect(Buffer.compare(written, bytes)).toBe(0);
    expect(Buffer.compare(encodeModel(modelOf(graphOf(model))), bytes)).toBe(0);
  });

  it("keeps fields that the schema does not know, through a change of the message too", () => {
    const bytes = Buffer.concat([encodeModel(smallModel()), extra(500, "from the future")]);
    const model = decodeModel(bytes);
    expect(Buffer.from(encodeModel(model)).includes("from the future")).toBe(true);
    const changed = revise(model, { producerName: "other" });
    expect(Buffer.from(encodeModel(changed)).includes("from the future")).toBe(true);
    expect(decodeModel(encodeModel(changed)).producerName).toBe("other");
  });

  it("keeps 64-bit integers to the last bit", () => {
    const end = { low: -1, high: 0x7fffffff, unsigned: false };
    const model = revise(smallModel(), {
      graph: {
        ...smallModel().graph,
        initializer: [{ name: "end", dataType: 7, dims: [1], int64Data: [end] }],
      },
    });
    const [tensor] = decodeModel(encodeModel(model)).graph?.initializer ?? [];
    expect(toBigInt(tensor!.int64Data![0]!)).toBe(2n ** 63n - 1n);
    expect(dataOf(tensorOf(tensor!))).toEqual(BigInt64Array.of(2n ** 63n - 1n));
    expect(toNumber(tensor!.int64Data![0])).toBe(2 ** 63);
  });

  it("says so when a file is cut short, wherever it is cut", () => {
    const bytes = encodeModel(smallModel());
    for (let length = 0; length < bytes.length; length += 7) {
      expect(() => decodeModel(bytes.subarray(0, length), "m.onnx")).toThrow(
        /m\.onnx is (no ONNX model|cut short)/,
      );
    }
  });

  it("says so when a file is something else", () => {
    expect(() => decodeModel(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2]), "cat.jpg")).toThrow(
      "cat.jpg is no ONNX model",
    );
  });

  it("names the operator sets and IR versions it can read", () => {
    const old = revise(smallModel(), { opsetImport: [{ version: 7 }] });
    expect(() => decodeModel(encodeModel(old), "m.onnx")).toThrow(
      "m.onnx uses operator set 7; sets 9 to 21 can be compiled, so export it again with one of these",
    );
    const newer = revise(smallModel(), { irVersion: 99 });
    expect(() => decodeModel(encodeModel(newer), "m.onnx")).toThrow("ONNX IR version 99");
  });
});

describe("a damaged model", () => {
  it("is read or refused in a sentence, and nothing fails otherwise", () => {
    const names = Object.keys(steps);
    const damage = fc.array(fc.tuple(fc.nat(5000), fc.nat(255)), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...names), damage, (step, changes) => {
        const bytes = encodeModel(modelOf(buildNet(1, [[step, 1]], 1).graph));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          inferTypes(graphOf(decodeModel(bytes)));
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("tensor data", () => {
  const read = (proto: TensorProto) =>
    Array.from<number | bigint, number>(dataOf(tensorOf(proto)), Number);

  it("is read from raw bytes and from typed fields alike", () => {
    expect(read({ dataType: 1, dims: [2], floatData: [1.5, -2] })).toEqual([1.5, -2]);
    expect(read({ dataType: 1, dims: [1], rawData: Uint8Array.of(0, 0, 0xc0, 0x3f) })).toEqual([
      1.5,
    ]);
    expect(read({ dataType: 3, dims: [2], int32Data: [-3, 4] })).toEqual([-3, 4]);
    expect(read({ dataType: 7, dims: [1], int64Data: [-5] })).toEqual([-5]);
    expect(read({ dataType: 11, dims: [1], doubleData: [0.1] })).toEqual([0.1]);
    expect(read({ dataType: 13, dims: [1], uint64Data: [7] })).toEqual([7]);
    expect(read({ dataType: 1, dims: [0] })).toEqual([]);
  });

  it("reads halves as floats, and passes narrow types on as bytes", () => {
    const half = tensorOf({ dataType: 10, dims: [3], int32Data: [0x3c00, 0xc000, 0x0001] });
    expect(Array.from(floatsOf(half))).toEqual([1, -2, 2 ** -24]);
    expect(read({ dataType: 16, dims: [1], rawData: Uint8Array.of(0x80, 0x3f) })).toEqual([0x3f80]);
    expect(read({ dataType: 22, dims: [3], rawData: Uint8Array.of(0x21, 0x03) })).toEqual([
      0x21, 3,
    ]);
  });

  it("converts every half there and back", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromHalf(bits);
      if (!Number.isNaN(value) && toHalf(value) !== bits) expect.fail(`${bits} is ${value}`);
    }
    expect(toHalf(65519)).toBe(0x7bff);
    expect(toHalf(65520)).toBe(0x7c00);
    expect(toHalf(1 + 2 ** -11)).toBe(0x3c00);
    expect(toHalf(1 + 3 * 2 ** -11)).toBe(0x3c02);
  });

  it("is refused where it does not fill its shape", () => {
    expect(() => read({ name: "w", dataType: 1, dims: [2], rawData: new Uint8Array(5) })).toThrow(
      "The model is damaged: its tensor w holds 5 bytes and needs 8",
    );
  });
});

describe("weights in a second file", () => {
  const external = (location: string, more: Record<string, string> = {}): ModelProto => {
    const model = smallModel();
    const entries = Object.entries({ location, ...more }).map(([key, value]) => ({ key, value }));
    const [first, ...rest] = model.graph?.initializer ?? [];
    const outside = revise(first!, { rawData: undefined, dataLocation: 1, externalData: entries });
    return revise(model, { graph: revise(model.graph!, { initializer: [outside, ...rest] }) });
  };
  const readBack = async (model: ModelProto): Promise<ModelProto> => {
    const path = join(folder, "sub", "m.onnx");
    await mkdir(join(folder, "sub"), { recursive: true });
    await writeFile(path, encodeModel(model));
    return await readModelFile(path);
  };

  it("come back as they were written", async () => {
    const path = join(folder, "big.onnx");
    await writeModelWithExternalData(path, smallModel(), 16);
    expect(decodeModel(readFileSync(path)).graph?.initializer?.[0]?.dataLocation).toBe(1);
    expect(encodeModel(await readModelFile(path))).toEqual(encodeModel(smallModel()));
  });

  it("are never read from outside the model's folder", async () => {
    await writeFile(join(folder, "secret"), new Uint8Array(4096));
    await mkdir(join(folder, "sub"), { recursive: true });
    await symlink("../secret", join(folder, "sub", "link"));
    for (const location of [
      "../secret",
      join(folder, "secret"),
      "link",
      "a/../../secret",
      "..",
      "",
    ]) {
      await expect(readBack(external(location))).rejects.toThrow(
        /must lie in the model's own folder|names its external data wrongly/,
      );
    }
  });

  it("are missed by name, and must be long enough", async () => {
    await expect(readBack(external("weights.bin"))).rejects.toThrow(
      "weights.bin, which holds the weights of the model, is missing; put it beside the model file",
    );
    await mkdir(join(folder, "sub"), { recursive: true });
    await writeFile(join(folder, "sub", "short.bin"), new Uint8Array(100));
    await expect(readBack(external("short.bin"))).rejects.toThrow("short.bin is cut short");
    await expect(readBack(external("short.bin", { length: "99999999999" }))).rejects.toThrow(
      "its shape needs 432 bytes",
    );
  });
});
