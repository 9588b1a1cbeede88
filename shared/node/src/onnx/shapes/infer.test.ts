import { describe, expect, it } from "vitest";
import { convAttributes, netBuilder, runGraph } from "../../../test/nets.ts";
import { makeFloat, makeInt, makeInts, makeString, makeTensorAttribute } from "../attributes.ts";
import { makeValue } from "../graph.ts";
import type { AttributeProto } from "../proto.ts";
import { floatTensor, int64Tensor } from "../tensor.ts";
import { inferTypes } from "./infer.ts";

type Net = ReturnType<typeof netBuilder>;
let constants = 0;
const ints = (net: Net, values: readonly number[], dims?: readonly number[]) =>
  net.constant(int64Tensor(`i${constants++}`, values, dims));
const floats = (net: Net, values: readonly number[]) =>
  net.constant(floatTensor(`f${constants++}`, [values.length], Float32Array.from(values)));
const unary =
  (opType: string, attributes: AttributeProto[] = []) =>
  (net: Net) =>
    net.add(opType, ["x"], attributes);
const pool = (...attributes: AttributeProto[]) =>
  unary("MaxPool", [makeInts("kernel_shape", [3, 3]), ...attributes]);

/** Each makes one tensor of `x` [2,6,9,10]. */
const cases: Record<string, (net: Net) => string> = {
  ...Object.fromEntries(
    ["Relu", "LeakyRelu", "HardSigmoid", "Sigmoid", "Softmax", "Identity", "Dropout", "Clip"].map(
      (opType) => [opType, unary(opType)],
    ),
  ),
  LRN: unary("LRN", [makeInt("size", 3)]),
  Conv: (net) => net.add("Conv", ["x", net.weight([4, 6, 3, 3])]),
  "Conv, stride, padding, groups": (net) =>
    net.add("Conv", ["x", net.weight([4, 3, 3, 3])], convAttributes(3, 2, 1, 2)),
  "Conv, dilated": (net) =>
    net.add("Conv", ["x", net.weight([4, 6, 3, 3])], [makeInts("dilations", [2, 3])]),
  "Conv, SAME_UPPER": (net) =>
    net.add(
      "Conv",
      ["x", net.weight([4, 6, 3, 3])],
      [makeString("auto_pad", "SAME_UPPER"), makeInts("strides", [2, 2])],
    ),
  "Conv, VALID": (net) =>
    net.add(
      "Conv",
      ["x", net.weight([4, 6, 3, 3])],
      [makeString("auto_pad", "VALID"), makeInts("strides", [2, 3])],
    ),
  ConvTranspose: (net) =>
    net.add("ConvTranspose", ["x", net.weight([6, 4, 3, 3])], convAttributes(3, 2, 1)),
  "ConvTranspose, groups, output padding": (net) =>
    net.add(
      "ConvTranspose",
      ["x", net.weight([6, 2, 4, 4])],
      [...convAttributes(4, 2, 1, 2), makeInts("output_padding", [1, 1])],
    ),
  "ConvTranspose, output shape": (net) =>
    net.add(
      "ConvTranspose",
      ["x", net.weight([6, 4, 3, 3])],
      [makeInts("strides", [2, 2]), makeInts("output_shape", [20, 20])],
    ),
  MaxPool: pool(),
  "MaxPool, ceil": pool(makeInts("strides", [2, 2]), makeInt("ceil_mode", 1)),
  "MaxPool, ceil, padding": pool(
    makeInts("strides", [4, 4]),
    makeInts("pads", [1, 1, 1, 1]),
    makeInt("ceil_mode", 1),
  ),
  "MaxPool, SAME_LOWER": pool(makeInts("strides", [2, 2]), makeString("auto_pad", "SAME_LOWER")),
  AveragePool: unary("AveragePool", [
    makeInts("kernel_shape", [2, 2]),
    makeInts("strides", [2, 2]),
  ]),
  GlobalAveragePool: unary("GlobalAveragePool"),
  BatchNormalization: (net) =>
    net.add("BatchNormalization", [
      "x",
      net.weight([6]),
      net.weight([6]),
      net.weight([6]),
      net.weight([6], (v) => 2 + v),
    ]),
  Gemm: (net) =>
    net.add("Gemm", [net.add("Flatten", ["x"]), net.weight([7, 540])], [makeInt("transB", 1)]),
  "Gemm, transposed left": (net) =>
    net.add("Gemm", [net.add("Flatten", ["x"]), net.weight([2, 3])], [makeInt("transA", 1)]),
  MatMul: (net) => net.add("MatMul", ["x", net.weight([10, 5])]),
  "MatMul, vector": (net) => net.add("MatMul", ["x", net.weight([10])]),
  "MatMul, stacked": (net) => net.add("MatMul", [net.weight([6, 3, 9]), "x"]),
  Add: (net) => net.add("Add", ["x", net.weight([6, 1, 1])]),
  Sub: (net) => net.add("Sub", [net.weight([3, 2, 6, 9, 10]), "x"]),
  Mul: (net) => net.add("Mul", ["x", net.weight([])]),
  Div: (net) => net.add("Div", ["x", net.weight([10])]),
  Concat: (net) => net.add("Concat", ["x", net.weight([2, 3, 9, 10])], [makeInt("axis", 1)]),
  "Concat, from behind": (net) => net.add("Concat", ["x", "x"], [makeInt("axis", -1)]),
  Split: (net) => net.add("Split", ["x", ints(net, [2, 4])], [makeInt("axis", 1)], 2),
  "Split, evenly": (net) => net.add("Split", ["x"], [makeInt("axis", 1)], 3),
  Slice: (net) =>
    net.add("Slice", [
      "x",
      ints(net, [1, -1]),
      ints(net, [2 ** 62, 0]),
      ints(net, [2, 3]),
      ints(net, [2, -2]),
    ]),
  "Slice, to the very end backwards": (net) =>
    net.add("Slice", [
      "x",
      ints(net, [-1]),
      ints(net, [-(2 ** 62)]),
      ints(net, [1]),
      ints(net, [-1]),
    ]),
  Reshape: (net) => net.add("Reshape", ["x", ints(net, [0, -1, 5])]),
  "Reshape, computed": (net) => {
    const size = net.add("Gather", [net.add("Shape", ["x"]), ints(net, [0], [])]);
    const first = net.add("Unsqueeze", [size, ints(net, [0])]);
    return net.add("Reshape", [
      "x",
      net.add("Concat", [first, ints(net, [-1])], [makeInt("axis", 0)]),
    ]);
  },
  "Reshape, by arithmetic": (net) => {
    const shape = net.add("Slice", [net.add("Shape", ["x"]), ints(net, [2]), ints(net, [4])]);
    const twice = net.add("Mul", [net.add("Cast", [shape], [makeInt("to", 7)]), ints(net, [2])]);
    const half = net.add("Div", [twice, ints(net, [2])]);
    return net.add("Reshape", [
      "x",
      net.add("Concat", [ints(net, [-1]), half], [makeInt("axis", 0)]),
    ]);
  },
  Flatten: unary("Flatten", [makeInt("axis", 2)]),
  "Flatten, all": unary("Flatten", [makeInt("axis", 0)]),
  Transpose: unary("Transpose", [makeInts("perm", [0, 2, 3, 1])]),
  "Transpose, reversed": unary("Transpose"),
  Squeeze: (net) => net.add("Squeeze", [net.add("GlobalAveragePool", ["x"]), ints(net, [2, -1])]),
  "Squeeze, all": (net) => net.add("Squeeze", [net.add("GlobalAveragePool", ["x"])]),
  Unsqueeze: (net) => net.add("Unsqueeze", ["x", ints(net, [0, -1])]),
  Pad: (net) => net.add("Pad", ["x", ints(net, [0, 0, 1, 2, 0, 0, 3, -1])]),
  Resize: (net) => net.add("Resize", ["x", "", floats(net, [1, 1, 2, 1.7])]),
  "Resize, sizes": (net) => net.add("Resize", ["x", "", "", ints(net, [2, 6, 5, 31])]),
  ReduceMean: unary("ReduceMean", [makeInts("axes", [2, -1])]),
  "ReduceMean, dropped": unary("ReduceMean", [makeInts("axes", [2, 3]), makeInt("keepdims", 0)]),
  "ReduceMean, all": unary("ReduceMean", [makeInt("keepdims", 0)]),
  Constant: (net) =>
    net.add(
      "Constant",
      [],
      [makeTensorAttribute("value", floatTensor("", [2, 2], new Float32Array(4)).proto)],
    ),
  "Constant, float": (net) => net.add("Constant", [], [makeFloat("value_float", 2)]),
  Shape: unary("Shape"),
  Gather: (net) => net.add("Gather", ["x", ints(net, [0, 1, 1, 0], [2, 2])], [makeInt("axis", 1)]),
  Cast: unary("Cast", [makeInt("to", 6)]),
};

/** Operators as later operator sets write them. */
const later: Record<string, readonly [number, (net: Net) => string]> = {
  HardSwish: [14, unary("HardSwish")],
  "Shape, part": [15, unary("Shape", [makeInt("start", 1), makeInt("end", -1)])],
  "ReduceMean, axes as input": [18, (net) => net.add("ReduceMean", ["x", ints(net, [1])])],
  "Split, not evenly": [
    18,
    (net) => net.add("Split", ["x"], [makeInt("axis", 3), makeInt("num_outputs", 4)], 4),
  ],
  "Pad, some axes": [18, (net) => net.add("Pad", ["x", ints(net, [1, 2]), "", ints(net, [-1])])],
  "Resize, some axes": [
    18,
    (net) => net.add("Resize", ["x", "", floats(net, [2, 3])], [makeInts("axes", [2, 3])]),
  ],
  "Reshape with a true zero": [
    14,
    (net) => net.add("Reshape", ["x", ints(net, [6, -1, 9])], [makeInt("allowzero", 1)]),
  ],
};

/** And as earlier ones do. */
const earlier: Record<string, (net: Net) => string> = {
  "Squeeze, attribute": (net) =>
    net.add("Squeeze", [net.add("GlobalAveragePool", ["x"])], [makeInts("axes", [3])]),
  "Unsqueeze, attribute": unary("Unsqueeze", [makeInts("axes", [0])]),
  "Split, attribute": (net) =>
    net.add("Split", ["x"], [makeInt("axis", 1), makeInts("split", [1, 5])], 2),
};

const all: [string, number, (net: Net) => string][] = [
  ...Object.entries(cases).map(([name, of]): [string, number, (net: Net) => string] => [
    name,
    13,
    of,
  ]),
  ...Object.entries(later).map(([name, [opset, of]]): [string, number, (net: Net) => string] => [
    name,
    opset,
    of,
  ]),
  ...Object.entries(earlier).map(([name, of]): [string, number, (net: Net) => string] => [
    name,
    11,
    of,
  ]),
];

describe("shape inference", () => {
  it.each(all)("knows what ONNX Runtime makes of %s (operator set %i)", async (_, opset, make) => {
    const net = netBuilder({ opset });
    const output = make(net);
    const graph = net.build([2, 6, 9, 10], [output]);
    const { types, unknown } = inferTypes(graph);
    expect(unknown).toEqual([]);
    const typed = { ...graph, outputs: [makeValue(output, types.get(output)?.type ?? "", null)] };
    const x = netBuilder().random;
    const input = floatTensor("x", [2, 6, 9, 10], Float32Array.from({ length: 1080 }, x));
    const real = (await runGraph(typed, { x: input }))[output];
    expect(types.get(output)).toMatchObject({ type: real?.type, shape: real?.dims });
  });

  it("carries open dimensions as far as they are certain", () => {
    const net = netBuilder();
    const conv = net.add("Conv", ["x", net.weight([4, 3, 3, 3])], convAttributes(3, 1, 1));
    const strided = net.add("Conv", [conv, net.weight([5, 4, 3, 3])], convAttributes(3, 2, 1));
    const flat = net.add("Reshape", [net.add("GlobalAveragePool", [strided]), ints(net, [0, -1])]);
    const { types } = inferTypes(net.build(["batch", 3, "height", "width"], [flat]));
    expect(types.get(conv)?.shape).toEqual(["batch", 4, "height", "width"]);
    expect(types.get(strided)?.shape).toEqual(["batch", 5, null, null]);
    expect(types.get(flat)?.shape).toEqual(["batch", 5]);
  });

  it("reports what it does not know and never guesses", () => {
    const net = netBuilder();
    const strange = net.add("NonMaxSuppression", ["x"]);
    const after = net.add("GlobalAveragePool", [strange]);
    const relu = net.add("Relu", ["x"]);
    const { types, unknown } = inferTypes(net.build([1, 3, 4, 4], [after, relu]));
    expect(unknown).toEqual([
      { node: strange, opType: "NonMaxSuppression", why: "operator" },
      { node: after, opType: "GlobalAveragePool", why: "inputs" },
    ]);
    expect(types.get(strange)).toBeUndefined();
    expect(types.get(relu)?.shape).toEqual([1, 3, 4, 4]);
  });
});
