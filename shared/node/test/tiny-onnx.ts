/** Writes small ONNX models for tests. */
import protobuf from "protobufjs/light.js";
import { elementTypes, onnxSchema } from "../src/onnx/schema.ts";

export interface TinyTensor {
  readonly name: string;
  readonly type?: string;
  readonly shape: readonly (number | string)[];
}

export interface TinyModel {
  readonly inputs: readonly TinyTensor[];
  readonly outputs: readonly TinyTensor[];
  readonly nodes?: readonly {
    readonly opType: string;
    readonly input: readonly string[];
    readonly output: readonly string[];
  }[];
  /** float32 weights by name. */
  readonly weights?: Readonly<Record<string, { dims: readonly number[]; data: readonly number[] }>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

function writerSchema(): protobuf.INamespace {
  const schema = structuredClone(onnxSchema) as { nested: Record<string, protobuf.IType> };
  Object.assign(schema.nested.NodeProto!.fields, {
    input: { id: 1, rule: "repeated", type: "string" },
    output: { id: 2, rule: "repeated", type: "string" },
  });
  Object.assign(schema.nested.TensorProto!.fields, {
    dims: { id: 1, rule: "repeated", type: "int64" },
    rawData: { id: 9, type: "bytes" },
  });
  return schema;
}

const modelProto = protobuf.Root.fromJSON(writerSchema()).lookupType("ModelProto");

/** The bytes of a model with opset 13. */
export function writeOnnx(model: TinyModel): Uint8Array {
  const value = ({ name, type = "float32", shape }: TinyTensor) => ({
    name,
    type: {
      tensorType: {
        elemType: elementTypes.indexOf(type),
        shape: {
          dim: shape.map((dim) =>
            typeof dim === "number" ? { dimValue: dim } : { dimParam: dim },
          ),
        },
      },
    },
  });
  const weights = Object.entries(model.weights ?? {}).map(([name, { dims, data }]) => ({
    name,
    dataType: 1,
    dims,
    rawData: new Uint8Array(Float32Array.from(data).buffer),
  }));
  return modelProto
    .encode(
      modelProto.fromObject({
        irVersion: 8,
        producerName: "tiny",
        producerVersion: "1",
        opsetImport: [{ domain: "", version: 13 }],
        graph: {
          name: "tiny",
          node: model.nodes ?? [],
          initializer: weights,
          input: model.inputs.map(value),
          output: model.outputs.map(value),
        },
        metadataProps: Object.entries(model.metadata ?? {}).map(([key, v]) => ({ key, value: v })),
      }),
    )
    .finish();
}

/** A classifier of three classes, red, green and blue: the mean of each channel is its logit. */
export function colourModel(width = 8, height = 6, batch: number | string = 1): Uint8Array {
  return writeOnnx({
    inputs: [{ name: "image", shape: [batch, 3, height, width] }],
    outputs: [{ name: "logits", shape: [batch, 3] }],
    nodes: [
      { opType: "GlobalAveragePool", input: ["image"], output: ["mean"] },
      { opType: "Flatten", input: ["mean"], output: ["logits"] },
    ],
  });
}
