import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { decodeModel } from "@fieldloop/shared-node/onnx/codec";
import { graphOf } from "@fieldloop/shared-node/onnx/graph";
import { type OnnxInfo, readOnnxInfo, type TensorInfo } from "@fieldloop/shared-node/onnx/metadata";
import { inferTypes } from "@fieldloop/shared-node/onnx/shapes/infer";
import { countOf } from "@fieldloop/shared-node/onnx/tensor";
import type { Report } from "../context.ts";
import { bytesText, plain } from "../text.ts";

const metadataShown = 200;

/** Says what a model file holds, without running it. */
export async function inspectModel(path: string): Promise<Report> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    const reason = missing ? "does not exist" : `cannot be read: ${messageOf(cause)}`;
    throw new AppError({ code: "bad-file", message: `the model ${path} ${reason}`, cause });
  });
  const info = await readOnnxInfo(bytes, basename(path));
  const graph = graphOf(decodeModel(bytes, basename(path)));
  const weights = [...graph.initializers.values()].reduce((n, { dims }) => n + countOf(dims), 0);
  const { unknown } = inferTypes(graph);
  const unknownOperators = [
    ...new Set(unknown.filter(({ why }) => why === "operator").map(({ opType }) => opType)),
  ];
  const { madeBy: _, ...face } = info;
  const data = { bytes: bytes.length, weights, ...face, unknownOperators };
  return { data, text: describe(path, data) };
}

function describe(
  path: string,
  data: Omit<OnnxInfo, "madeBy"> & {
    readonly bytes: number;
    readonly weights: number;
    readonly unknownOperators: readonly string[];
  },
): string {
  const operators = Object.entries(data.operators).sort(([, a], [, b]) => b - a);
  const metadata = Object.entries(data.metadata);
  const lines = [
    `${path}: ${bytesText(data.bytes)}, ${data.weights.toLocaleString("en")} weights (${data.weightTypes.join(", ") || "none"})`,
    `  written by ${plain(data.producer) || "an exporter that does not say"}, operator set ${data.opset}, IR version ${data.irVersion}`,
    ...data.inputs.map((tensor) => `  input      ${shapeText(tensor)}`),
    ...data.outputs.map((tensor) => `  output     ${shapeText(tensor)}`),
    `  operators  ${operators.map(([name, count]) => `${count} ${plain(name)}`).join(", ")}`,
    ...metadata.map(
      ([key, value]) => `  ${plain(key).padEnd(10)} ${plain(value).slice(0, metadataShown)}`,
    ),
    ...(data.unknownOperators.length === 0
      ? []
      : [
          `  unknown    ${data.unknownOperators.map(plain).join(", ")}: left as they are by the compiler`,
        ]),
  ];
  return `${lines.join("\n")}\n`;
}

function shapeText({ name, type, shape }: TensorInfo): string {
  return `${plain(name)} ${type} [${shape.map((dim) => dim ?? "?").join(", ")}]`;
}
