/** Random small networks of the operators that the compiler knows, for property tests. */
import fc from "fast-check";
import { makeFloat, makeInt, makeInts } from "../src/onnx/attributes.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { inferTypes } from "../src/onnx/shapes/infer.ts";
import { floatTensor, int64Tensor, type Tensor } from "../src/onnx/tensor.ts";
import { batchNorm, convAttributes, netBuilder, randomNumbers, randomTensor } from "./nets.ts";

type Net = ReturnType<typeof netBuilder>;
interface State {
  readonly net: Net;
  readonly name: string;
  /** [1, channels, height, width] */
  readonly dims: readonly [number, number, number, number];
  readonly pick: number;
}
/** Adds an operator or a few; the result has four dimensions again. */
type Step = (state: State) => string;

let constants = 0;
const ints = (net: Net, values: readonly number[]) =>
  net.constant(int64Tensor(`i${constants++}`, values));
/** Whether a kernel of this size needs a border to fit. */
const smallerThan = (kernel: number, dims: State["dims"]) => Math.min(dims[2], dims[3]) < kernel;
const unary =
  (opType: string, ...attributes: ReturnType<typeof makeInt>[]): Step =>
  ({ net, name }) =>
    net.add(opType, [name], attributes);
const withChannels =
  (opType: string): Step =>
  ({ net, name, dims, pick }) => {
    const shape = [[dims[1], 1, 1], [], [1], [dims[3]]][pick % 4] as number[]; // one of the four
    return net.add(opType, [name, net.weight(shape, (v) => 1.5 + v)]);
  };

export const steps: Readonly<Record<string, Step>> = {
  Conv: ({ net, name, dims, pick }) =>
    net.add(
      "Conv",
      [name, net.weight([4, dims[1], 3, 3], (v) => v / 3), ...(pick % 2 ? [net.weight([4])] : [])],
      convAttributes(3, 1 + (pick % 2), Math.max(pick % 3, smallerThan(3, dims) ? 1 : 0)),
    ),
  ConvNorm: ({ net, name, dims, pick }) =>
    batchNorm(
      net,
      net.add(
        "Conv",
        [name, net.weight([6, dims[1], 1, 1]), ...(pick % 2 ? [net.weight([6])] : [])],
        convAttributes(1),
      ),
      6,
    ),
  Depthwise: ({ net, name, dims }) =>
    batchNorm(
      net,
      net.add("Conv", [name, net.weight([dims[1], 1, 3, 3])], convAttributes(3, 1, 1, dims[1])),
      dims[1],
    ),
  ConvTranspose: ({ net, name, dims }) =>
    batchNorm(
      net,
      net.add("ConvTranspose", [name, net.weight([dims[1], 4, 2, 2])], convAttributes(2, 2)),
      4,
    ),
  BatchNormalization: ({ net, name, dims }) => batchNorm(net, name, dims[1]),
  Relu: unary("Relu"),
  Clip: ({ net, name }) =>
    net.add("Clip", [
      name,
      net.constant(floatTensor(`c${constants++}`, [], Float32Array.of(-0.5))),
      net.constant(floatTensor(`c${constants++}`, [], Float32Array.of(0.8))),
    ]),
  LeakyRelu: unary("LeakyRelu", makeFloat("alpha", 0.1)),
  HardSigmoid: unary("HardSigmoid"),
  Sigmoid: unary("Sigmoid"),
  Softmax: unary("Softmax", makeInt("axis", 1)),
  LRN: unary("LRN", makeInt("size", 3)),
  Identity: unary("Identity"),
  Dropout: unary("Dropout"),
  Cast: ({ net, name }) => net.add("Cast", [name], [makeInt("to", 1)]),
  Add: withChannels("Add"),
  Sub: withChannels("Sub"),
  Mul: withChannels("Mul"),
  Div: withChannels("Div"),
  Residual: ({ net, name, pick }) =>
    net.add("Add", [name, net.add(pick % 2 ? "Relu" : "Identity", [name])]),
  HiddenWeights: ({ net, name, dims }) =>
    net.add("Conv", [
      name,
      net.add("Identity", [net.weight([3, dims[1], 1, 1])]),
      net.add("Identity", [net.add("Identity", [net.weight([3])])]),
    ]),
  ComputedConstant: ({ net, name, dims }) =>
    net.add("Add", [
      name,
      net.add("Mul", [net.weight([dims[1], 1, 1]), net.add("Relu", [net.weight([1])])]),
    ]),
  Concat: ({ net, name }) =>
    net.add("Concat", [name, net.add("Sigmoid", [name])], [makeInt("axis", 1)]),
  Split: ({ net, name, dims }) => {
    if (dims[1] < 2) return name;
    const parts = net.add("Split", [name, ints(net, [1, dims[1] - 1])], [makeInt("axis", 1)], 2);
    return net.add("Concat", [`${parts}_1`, parts], [makeInt("axis", 1)]);
  },
  Slice: ({ net, name, dims }) =>
    net.add("Slice", [name, ints(net, [0]), ints(net, [Math.max(1, dims[2] - 1)]), ints(net, [2])]),
  Pad: ({ net, name, pick }) => net.add("Pad", [name, ints(net, [0, 0, 1, pick % 2, 0, 0, 0, 1])]),
  Transpose: unary("Transpose", makeInts("perm", [0, 1, 3, 2])),
  Reshape: ({ net, name }) => {
    const shape = net.add("Shape", [name]);
    const batch = net.add("Gather", [shape, ints(net, [0])]);
    const flat = net.add("Concat", [batch, ints(net, [-1])], [makeInt("axis", 0)]);
    return net.add("Reshape", [net.add("Reshape", [name, flat]), shape]);
  },
  Squeeze: ({ net, name }) =>
    net.add("Unsqueeze", [net.add("Squeeze", [name, ints(net, [0])]), ints(net, [0])]),
  Resize: ({ net, name }) =>
    net.add("Resize", [
      name,
      "",
      net.constant(floatTensor(`r${constants++}`, [4], Float32Array.of(1, 1, 2, 1))),
    ]),
  MaxPool: ({ net, name, dims }) =>
    dims[2] < 3 || dims[3] < 3
      ? name
      : net.add("MaxPool", [name], [makeInts("kernel_shape", [2, 2]), makeInts("strides", [1, 2])]),
  AveragePool: unary(
    "AveragePool",
    makeInts("kernel_shape", [3, 3]),
    makeInts("pads", [1, 1, 1, 1]),
  ),
  ReduceMean: ({ net, name }) =>
    net.add("Sub", [name, net.add("ReduceMean", [name], [makeInts("axes", [2, 3])])]),
  Unused: ({ net, name }) => {
    net.add("Exp", [name]);
    net.weight([5]);
    return name;
  },
};

/** How the network ends: with its last picture, or with class scores. */
const heads: readonly Step[] = [
  ({ net, name }) => net.add("Identity", [name]),
  ({ net, name, dims }) => {
    const flat = net.add("Flatten", [net.add("GlobalAveragePool", [name])]);
    const gemm = net.add(
      "Gemm",
      [flat, net.weight([5, dims[1]]), net.weight([5])],
      [makeInt("transB", 1), makeFloat("beta", 0.5)],
    );
    return batchNorm(net, gemm, 5);
  },
  ({ net, name, dims }) =>
    net.add("MatMul", [
      net.add("ReduceMean", [name], [makeInts("axes", [2, 3]), makeInt("keepdims", 0)]),
      net.weight([dims[1], 4]),
    ]),
];

export interface RandomNet {
  readonly graph: Graph;
  readonly input: Tensor;
  readonly made: readonly string[];
}

/** Networks of up to `stepsMax` steps on an input [1, 3, 7, 6]; shrinks to fewer steps. */
export function randomNets(stepsMax = 6): fc.Arbitrary<RandomNet> {
  const names = Object.keys(steps);
  const step = fc.tuple(fc.constantFrom(...names), fc.nat(11));
  return fc
    .record({
      seed: fc.nat(10_000),
      list: fc.array(step, { minLength: 1, maxLength: stepsMax }),
      head: fc.nat(heads.length - 1),
    })
    .map(({ seed, list, head }) => buildNet(seed, list, head));
}

export function buildNet(
  seed: number,
  list: readonly (readonly [string, number])[],
  head: number,
): RandomNet {
  const net = netBuilder({ seed });
  let name = "x";
  const dimsOf = (): State["dims"] => {
    const shape = inferTypes(net.build([1, 3, 7, 6], [name])).types.get(name)?.shape;
    return shape as unknown as State["dims"]; // every step keeps four known dimensions
  };
  for (const [step, pick] of list)
    name = steps[step]?.({ net, name, dims: dimsOf(), pick }) ?? name;
  const last = heads[head]?.({ net, name, dims: dimsOf(), pick: 0 }) ?? name;
  return {
    graph: net.build([1, 3, 7, 6], [last]),
    input: randomTensor("x", [1, 3, 7, 6], randomNumbers(seed + 1)),
    made: list.map(([step]) => step),
  };
}
