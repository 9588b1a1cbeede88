/** Reads what an ONNX file says about itself, without opening a session and without its weights. */
import { AppError } from "@fieldloop/shared/errors";
import * as z from "zod/mini";
import { elementTypes, onnxSchema } from "./schema.ts";

/** An input or output of a graph. */
export interface TensorInfo {
  readonly name: string;
  /** `float32`, `uint8`, … as ONNX Runtime names them. */
  readonly type: string;
  /** A number, the name of a dimension that is left open, or `null` where even the name is. */
  readonly shape: readonly (number | string | null)[];
}

/** The face of a model file. */
export interface OnnxInfo {
  readonly irVersion: number;
  /** Version of the default operator set. */
  readonly opset: number;
  readonly producer: string;
  /** Inputs a caller must give: initialisers that old exporters list as inputs are left out. */
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** What the exporter noted: an Ultralytics export writes names, imgsz, task, stride and more. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The operator that makes each of the graph's outputs, by the output's name. */
  readonly madeBy: Readonly<Record<string, string>>;
  /** How often each operator occurs. */
  readonly operators: Readonly<Record<string, number>>;
  /** Types of the weights, each once. */
  readonly weightTypes: readonly string[];
}

const dimension = z.object({
  dimValue: z.optional(z.string()),
  dimParam: z.optional(z.string()),
});
const valueInfo = z.object({
  name: z._default(z.string(), ""),
  type: z.optional(
    z.object({
      tensorType: z.optional(
        z.object({
          elemType: z._default(z.number(), 0),
          shape: z.optional(z.object({ dim: z._default(z.array(dimension), []) })),
        }),
      ),
    }),
  ),
});
const node = z.object({
  opType: z._default(z.string(), ""),
  output: z._default(z.array(z.string()), []),
});
const initializer = z.object({
  name: z._default(z.string(), ""),
  dataType: z._default(z.number(), 0),
  dataLocation: z._default(z.number(), 0),
});
const model = z.object({
  irVersion: z._default(z.string(), "0"),
  producerName: z._default(z.string(), ""),
  producerVersion: z._default(z.string(), ""),
  opsetImport: z._default(
    z.array(z.object({ domain: z._default(z.string(), ""), version: z._default(z.string(), "0") })),
    [],
  ),
  metadataProps: z._default(
    z.array(z.object({ key: z._default(z.string(), ""), value: z._default(z.string(), "") })),
    [],
  ),
  graph: z.object({
    node: z._default(z.array(node), []),
    initializer: z._default(z.array(initializer), []),
    input: z._default(z.array(valueInfo), []),
    output: z.array(valueInfo).check(z.minLength(1)),
  }),
});
type Model = z.infer<typeof model>;

/**
 * Reads a model file.
 * @param name the file's name, for the error
 * @throws AppError `model-unreadable` where the bytes are no ONNX model, are cut short, or keep
 *   their weights in another file
 */
export async function readOnnxInfo(bytes: Uint8Array, name = "the model"): Promise<OnnxInfo> {
  const { graph, ...head } = await decode(bytes, name);
  if (graph.initializer.some(({ dataLocation }) => dataLocation === 1)) {
    throw unreadable(
      `${name} keeps its weights in a second file; export it as a single file (save_as_external_data off)`,
    );
  }
  const weights = new Set(graph.initializer.map((tensor) => tensor.name));
  const outputs = new Set(graph.output.map((output) => output.name));
  const opset = head.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  return {
    irVersion: Number(head.irVersion),
    opset: Number(opset?.version ?? 0),
    producer: `${head.producerName} ${head.producerVersion}`.trim(),
    inputs: graph.input.filter((input) => !weights.has(input.name)).map(tensorInfo),
    outputs: graph.output.map(tensorInfo),
    metadata: Object.fromEntries(head.metadataProps.map(({ key, value }) => [key, value])),
    madeBy: Object.fromEntries(
      graph.node.flatMap(({ opType, output }) =>
        output.filter((name) => outputs.has(name)).map((name) => [name, opType]),
      ),
    ),
    operators: countBy(graph.node.map(({ opType }) => opType)),
    weightTypes: [...new Set(graph.initializer.map(({ dataType }) => typeName(dataType)))],
  };
}

async function decode(bytes: Uint8Array, name: string): Promise<Model> {
  const { default: protobuf } = await import("protobufjs/light.js");
  const type = protobuf.Root.fromJSON(onnxSchema).lookupType("ModelProto");
  try {
    return model.parse(type.toObject(type.decode(bytes), { longs: String }));
  } catch (cause) {
    throw unreadable(`${name} is no ONNX model, or it is damaged or cut short`, cause);
  }
}

function tensorInfo(value: z.infer<typeof valueInfo>): TensorInfo {
  const tensor = value.type?.tensorType;
  const shape = (tensor?.shape?.dim ?? []).map(({ dimValue, dimParam }) => {
    if (dimValue !== undefined && Number(dimValue) > 0) return Number(dimValue);
    return dimParam === undefined || dimParam === "" ? null : dimParam;
  });
  return { name: value.name, type: typeName(tensor?.elemType ?? 0), shape };
}

function typeName(number: number): string {
  return elementTypes[number] ?? `type ${number}`;
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function unreadable(message: string, cause?: unknown): AppError {
  return new AppError({ code: "model-unreadable", message, status: 422, cause });
}
