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
  /** Lists of whole numbers by name, such as the shape that Reshape takes. */
  readonly int64?: Readonly<Record<string, readonly number[]>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Version of the operator set; default 13. */
  readonly opset?: number;
}

/** The reader's schema and the fields that only a writer needs. */
function writerSchema(): protobuf.INamespace {
  const add = (name: string, fields: Record<string, protobuf.IField>): protobuf.IType => ({
    fields: { ...(onnxSchema.nested?.[name] as protobuf.IType | undefined)?.fields, ...fields }, // all are types
  });
  return {
    nested: {
      ...onnxSchema.nested,
      NodeProto: add("NodeProto", {
        input: { id: 1, rule: "repeated", type: "string" },
      } as Record<string, protobuf.IField>), // `rule` is in the format and missing from its type
      TensorProto: add("TensorProto", {
        dims: { id: 1, rule: "repeated", type: "int64" },
        rawData: { id: 9, type: "bytes" },
      } as Record<string, protobuf.IField>), // likewise
    },
  };
}

const modelProto = protobuf.Root.fromJSON(writerSchema()).lookupType("ModelProto");

/** The bytes of a model. */
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
  const lists = Object.entries(model.int64 ?? {}).map(([name, list]) => ({
    name,
    dataType: 7,
    dims: [list.length],
    rawData: new Uint8Array(BigInt64Array.from(list.map(BigInt)).buffer),
  }));
  return modelProto
    .encode(
      modelProto.fromObject({
        irVersion: 8,
        producerName: "tiny",
        producerVersion: "1",
        opsetImport: [{ domain: "", version: model.opset ?? 13 }],
        graph: {
          name: "tiny",
          node: model.nodes ?? [],
          initializer: [...weights, ...lists],
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

/**
 * `colourModel` with pixels straight in: bytes, channels side by side, scaled by the graph itself.
 * @param rounded sends the logits through 8 bits, so that the file counts as one of kind int8
 */
export function pixelModel(width = 8, height = 6, rounded = false): Uint8Array {
  const area = width * height;
  const exact = rounded ? "exact" : "logits";
  const rounding = [
    { opType: "QuantizeLinear", input: ["exact", "step"], output: ["coarse"] },
    { opType: "DequantizeLinear", input: ["coarse", "step"], output: ["logits"] },
  ];
  return writeOnnx({
    inputs: [{ name: "image", type: "uint8", shape: [1, height, width, 3] }],
    outputs: [{ name: "logits", shape: [1, 3] }],
    nodes: [
      { opType: "DequantizeLinear", input: ["image", "scale"], output: ["scaled"] },
      { opType: "Reshape", input: ["scaled", "rows"], output: ["pixels"] },
      { opType: "MatMul", input: ["share", "pixels"], output: [exact] },
      ...(rounded ? rounding : []),
    ],
    weights: {
      scale: { dims: [], data: [1 / 25.5] },
      step: { dims: [], data: [0.05] },
      share: { dims: [1, area], data: Array.from({ length: area }, () => 1 / area) },
    },
    int64: { rows: [area, 3] },
  });
}
