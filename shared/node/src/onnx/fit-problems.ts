/** Whether a manifest and a graph fit each other, in sentences. Pure. */
import type { ModelInput, ModelOutput } from "@fieldloop/shared/manifest/model";
import { inputDims } from "../tensor.ts";
import type { TensorInfo } from "./metadata.ts";

type Shape = TensorInfo["shape"];

/** What must fit a graph. */
export interface Declared {
  readonly input: ModelInput;
  readonly output: ModelOutput;
  readonly labels: readonly string[];
}

/** One sentence per thing that does not fit: names the tensor, both sides, and what to change. */
export function fitProblems(
  declared: Declared,
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
): string[] {
  return [
    ...inputProblems(declared.input, inputs),
    ...outputProblems(declared.output, declared.labels.length, outputs),
  ];
}

/** `"scores" float32 [1, 4420, 2]` */
export function describeTensor(info: TensorInfo): string {
  return `"${info.name}" ${info.type} ${describeShape(info.shape)}`;
}

export function describeShape(shape: Shape): string {
  return `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}

function inputProblems(input: ModelInput, inputs: readonly TensorInfo[]): string[] {
  const [only] = inputs;
  if (inputs.length !== 1 || only === undefined) {
    return [
      `the model takes ${inputs.length} inputs (${inputs.map(describeTensor).join(", ")}); only models with one image input can run`,
    ];
  }
  if (only.name !== input.name) {
    return [
      `the model has no input named "${input.name}"; its input is ${describeTensor(only)}: set input.name to "${only.name}"`,
    ];
  }
  const problems: string[] = [];
  if (only.type !== input.type) {
    problems.push(
      `input "${only.name}" is ${only.type} in the model and ${input.type} in the manifest: set input.type to ${only.type}, or export the model with a float32 or uint8 input`,
    );
  }
  const declared = inputDims(input);
  if (!shapesMatch(only.shape, declared)) {
    problems.push(
      `input "${only.name}" is ${describeShape(only.shape)} in the model and ${describeShape(declared)} in the manifest (${input.layout}, ${input.width} wide, ${input.height} high): ${inputAdvice(only.shape)}`,
    );
  }
  return problems;
}

function inputAdvice(shape: Shape): string {
  const [batch, a, b, c] = shape;
  if (shape.length !== 4) return "export the model with an image input of four dimensions";
  if (typeof batch === "number" && batch !== 1) return "export the model with a batch of 1";
  if (a === 3) return `set input.layout to NCHW, input.width to ${c} and input.height to ${b}`;
  if (c === 3) return `set input.layout to NHWC, input.width to ${b} and input.height to ${a}`;
  return "export the model with a colour image of three channels as its input";
}

function outputProblems(
  output: ModelOutput,
  labels: number,
  outputs: readonly TensorInfo[],
): string[] {
  switch (output.kind) {
    case "classification":
      return [
        ...check(outputs, "scores", output.scores, (shape) => classProblem(shape, labels)),
        ...(output.embedding === undefined
          ? []
          : check(outputs, "embedding", output.embedding, () => undefined)),
      ];
    case "ssd":
      return [
        ...check(outputs, "scores", output.scores, (shape) =>
          scoreProblem(shape, labels, output.background),
        ),
        ...check(outputs, "boxes", output.boxes, (shape) => boxProblem(shape, "ssd")),
      ];
    case "yolo":
      return yoloProblems(output, labels, outputs);
    case "detections":
      return [
        ...check(outputs, "boxes", output.boxes, (shape) => boxProblem(shape, "detections")),
        ...check(outputs, "scores", output.scores, listProblem),
        ...numbers(outputs, "classes", output.classes),
        ...numbers(outputs, "count", output.count),
      ];
    case "segmentation":
      return check(outputs, "scores", output.scores, (shape) => mapProblem(shape, labels, output));
    case "embedding":
      return [
        ...check(outputs, "embedding", output.embedding, (shape) =>
          embeddingProblem(shape, output.bank.dims),
        ),
        ...(labels === 2
          ? []
          : [
              `kind "embedding" has two labels, usual and unusual, and the manifest names ${labels}`,
            ]),
      ];
  }
}

function yoloProblems(
  output: Extract<ModelOutput, { kind: "yolo" }>,
  labels: number,
  outputs: readonly TensorInfo[],
): string[] {
  const { prototypes } = output;
  const masks = outputs.find(({ name }) => name === prototypes)?.shape[1];
  const behind = prototypes === undefined ? 0 : typeof masks === "number" ? masks : undefined;
  return [
    ...check(outputs, "output", output.output, (shape) =>
      behind === undefined ? undefined : yoloProblem(shape, labels, output.head, behind),
    ),
    ...(prototypes === undefined ? [] : check(outputs, "prototypes", prototypes, prototypeProblem)),
    ...(prototypes !== undefined && output.head === "v5"
      ? ['output.prototypes goes with the heads v8 and end2end, not with "v5"']
      : []),
  ];
}

/** A tensor of classes or counts may hold whole numbers. */
function numbers(
  outputs: readonly TensorInfo[],
  field: string,
  name: string | undefined,
): string[] {
  if (name === undefined) return [];
  const known = outputs.map((info) => (info.name === name ? { ...info, type: "float32" } : info));
  return check(known, field, name, () => undefined);
}

function check(
  outputs: readonly TensorInfo[],
  field: string,
  name: string,
  problem: (shape: Shape) => string | undefined,
): string[] {
  const found = outputs.find((info) => info.name === name);
  if (found === undefined) {
    return [
      `the model has no output named "${name}"; it has ${outputs.map(describeTensor).join(", ")}: set output.${field} to one of these`,
    ];
  }
  if (found.type !== "float32") {
    return [`output ${describeTensor(found)} must be float32: export the model with float outputs`];
  }
  const said = problem(found.shape);
  return said === undefined ? [] : [`output ${describeTensor(found)} ${said}`];
}

function classProblem(shape: Shape, labels: number): string | undefined {
  if (shape.some((dim) => typeof dim !== "number")) {
    const last = shape.at(-1);
    return typeof last === "number" && last !== labels ? classCount(last, labels) : undefined;
  }
  const classes = shape.reduce<number>((product, dim) => product * Number(dim), 1);
  return classes === labels ? undefined : classCount(classes, labels);
}

function classCount(classes: number, labels: number): string {
  return `gives ${classes} classes and the manifest names ${labels} labels: write one label per class`;
}

function scoreProblem(shape: Shape, labels: number, background: number | null): string | undefined {
  const columns = shape[2];
  if (shape.length !== 3) return `must have the shape [1, boxes, classes] for kind "ssd"`;
  if (typeof columns !== "number") return undefined;
  if (background !== null && background >= columns) {
    return `has ${columns} columns, so output.background cannot be ${background}`;
  }
  const classes = background === null ? columns : columns - 1;
  if (classes === labels) return undefined;
  const without = background === null ? "" : ` without the background (column ${background})`;
  return `gives ${classes} classes${without} and the manifest names ${labels} labels: write one label per class`;
}

function boxProblem(shape: Shape, kind: string): string | undefined {
  const fits = shape.length === 3 && (shape[2] === 4 || typeof shape[2] !== "number");
  return fits ? undefined : `must have the shape [1, boxes, 4] for kind "${kind}"`;
}

function listProblem(shape: Shape): string | undefined {
  return shape.length === 2 ? undefined : 'must have the shape [1, boxes] for kind "detections"';
}

function mapProblem(
  shape: Shape,
  labels: number,
  { layout, background }: Extract<ModelOutput, { kind: "segmentation" }>,
): string | undefined {
  const pattern = layout === "NCHW" ? "[1, classes, height, width]" : "[1, height, width, classes]";
  if (shape.length !== 4) return `must have the shape ${pattern} for kind "segmentation"`;
  const classes = layout === "NCHW" ? shape[1] : shape[3];
  const wanted = background === null ? labels : labels + 1;
  if (typeof classes !== "number" || classes === wanted) return undefined;
  return `gives ${classes} classes as ${pattern}, and the manifest names ${labels} labels${background === null ? "" : " besides the background"}: correct the labels, output.layout or output.background`;
}

function embeddingProblem(shape: Shape, dims: number): string | undefined {
  const own = shape.at(-1);
  if (shape.length === 2 && (typeof own !== "number" || own === dims)) return undefined;
  return `must have the shape [1, ${dims}], as the vectors of output.bank have: make the bank with this model`;
}

function prototypeProblem(shape: Shape): string | undefined {
  return shape.length === 4 ? undefined : "must have the shape [1, masks, height, width]";
}

const yoloHeads = {
  v5: { pattern: "[1, boxes, 5 + classes]", place: 2, others: 5 },
  v8: { pattern: "[1, 4 + classes, boxes]", place: 1, others: 4 },
  end2end: { pattern: "[1, boxes, 6]", place: 2, others: 6 },
} as const;

function yoloProblem(
  shape: Shape,
  labels: number,
  head: keyof typeof yoloHeads,
  masks: number,
): string | undefined {
  const { pattern, place, others } = yoloHeads[head];
  const wanted = others + (head === "end2end" ? 0 : labels) + masks;
  const dim = shape[place];
  if (shape.length === 3 && (typeof dim !== "number" || dim === wanted)) return undefined;
  return `does not fit output.head "${head}", which is ${pattern}: with ${labels} labels that dimension is ${wanted}; correct the labels or the head`;
}

function shapesMatch(actual: Shape, declared: readonly number[]): boolean {
  return (
    actual.length === declared.length &&
    actual.every((dim, i) => typeof dim !== "number" || dim === declared[i])
  );
}
