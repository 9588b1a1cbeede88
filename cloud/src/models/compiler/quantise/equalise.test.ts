import { makeFloat, makeInt, makeInts } from "@fieldloop/shared-node/onnx/attributes";
import { type Graph, makeValue } from "@fieldloop/shared-node/onnx/graph";
import { floatsOf, floatTensor } from "@fieldloop/shared-node/onnx/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  convAttributes,
  netBuilder,
  randomNumbers,
  randomTensor,
  runGraph,
} from "../../../../../shared/node/test/nets.ts";
import { randomNets } from "../../../../../shared/node/test/random-nets.ts";
import { cleanGraph } from "../passes/clean.ts";
import { equalise } from "./equalise.ts";

type Net = ReturnType<typeof netBuilder>;

/** Weights whose output channels, and whose input channels, differ by up to e^4 in size. */
function unequal(net: Net, dims: readonly [number, number, number, number]): string {
  const [outputs, columns, height, width] = dims;
  const area = height * width;
  const rows = Array.from({ length: outputs }, () => Math.exp(2 * net.random()));
  const each = Array.from({ length: columns }, () => Math.exp(2 * net.random()));
  let i = 0;
  return net.weight(dims, (value) => {
    const kernel = Math.floor(i++ / area);
    return value * (rows[Math.floor(kernel / columns)] ?? 1) * (each[kernel % columns] ?? 1);
  });
}

interface Layer {
  readonly outputs?: number;
  readonly kernel?: number;
  readonly group?: number;
  readonly bias?: boolean;
}

function conv(net: Net, input: string, channels: number, layer: Layer = {}): string {
  const { outputs = 4, kernel = 1, group = 1, bias = false } = layer;
  const inputs = [input, unequal(net, [outputs, channels / group, kernel, kernel])];
  if (bias) inputs.push(net.weight([outputs]));
  return net.add("Conv", inputs, convAttributes(kernel, 1, (kernel - 1) / 2, group));
}

const activations = {
  none: (_net: Net, name: string) => name,
  Relu: (net: Net, name: string) => net.add("Relu", [name]),
  LeakyRelu: (net: Net, name: string) => net.add("LeakyRelu", [name], [makeFloat("alpha", 0.2)]),
  Steep: (net: Net, name: string) => net.add("LeakyRelu", [name], [makeFloat("alpha", 3)]),
  Sigmoid: (net: Net, name: string) => net.add("Sigmoid", [name]),
  Clip: (net: Net, name: string) => clip(net, name, 0, 6),
  HalfOpen: (net: Net, name: string) => clip(net, name, 0, Number.POSITIVE_INFINITY),
};

let bounds = 0;
function clip(net: Net, name: string, least: number, most: number): string {
  const [low, high] = [least, most].map((value) =>
    net.constant(floatTensor(`bound${bounds++}`, [], Float32Array.of(value))),
  );
  return net.add("Clip", [name, low ?? "", high ?? ""]);
}

/**
 * `sizeMin` is what differences are measured against where the outputs themselves are smaller: a
 * network that subtracts its own mean ends in nothing but rounding.
 */
async function expectSame(
  before: Graph,
  after: Graph,
  seed: number,
  sizeMin = 1e-6,
): Promise<void> {
  const dims = before.inputs[0]?.shape as readonly number[]; // the nets here have fixed inputs
  const x = randomTensor("x", dims, randomNumbers(seed));
  const [exact, found] = [await runGraph(before, { x }), await runGraph(after, { x })];
  for (const { name } of before.outputs) {
    const [a, b] = [floatsOf(exact[name]!), floatsOf(found[name]!)];
    const size = Math.max(sizeMin, ...a.map(Math.abs));
    a.forEach((value, i) => {
      if (!(Math.abs(value - b[i]!) <= 1e-4 * size)) expect.fail(`${name}: ${value}, not ${b[i]}`);
    });
  }
}

/** Largest weight by output channel, or by input channel of all groups together. */
function sizes(graph: Graph, opIndex: number, side: "makes" | "takes"): number[] {
  const node = graph.nodes.filter(({ opType }) => opType === "Conv")[opIndex]!;
  const { dims, ...tensor } = graph.initializers.get(node.inputs[1]!)!;
  const [outputs = 0, columns = 0] = dims;
  const values = floatsOf({ dims, ...tensor });
  const area = values.length / outputs / columns;
  const largest: number[] = new Array(side === "makes" ? outputs : columns).fill(0);
  values.forEach((value, i) => {
    const kernel = Math.floor(i / area);
    const at = side === "makes" ? Math.floor(kernel / columns) : kernel % columns;
    largest[at] = Math.max(largest[at]!, Math.abs(value));
  });
  return largest;
}

describe("two convolutions", () => {
  const pair = (activation: keyof typeof activations, bias = false): Graph => {
    const net = netBuilder({ seed: 3 });
    const first = conv(net, "x", 3, { outputs: 8, kernel: 3, bias });
    return net.build([1, 3, 5, 5], [conv(net, activations[activation](net, first), 8, { bias })]);
  };

  it.each(["none", "Relu", "LeakyRelu", "Steep", "HalfOpen"] as const)(
    "with %s between get equal ranges for every channel, and compute the same",
    async (activation) => {
      const before = pair(activation);
      const { graph, report } = equalise(before);
      const [makes, takes] = [sizes(graph, 0, "makes"), sizes(graph, 1, "takes")];
      makes.forEach((size, i) => {
        expect(size / takes[i]!).toBeCloseTo(1, 4);
      });
      const [r1, r2] = [sizes(before, 0, "makes"), sizes(before, 1, "takes")];
      makes.forEach((size, i) => {
        expect(size / Math.sqrt(r1[i]! * r2[i]!)).toBeCloseTo(1, 4);
      });
      expect(report).toMatchObject({ pass: "equalise", changed: 1, settled: true });
      expect(report.pairs[0]?.spread.after).toBeLessThan(report.pairs[0]!.spread.before / 2);
      await expectSame(before, graph, 1);
    },
  );

  it("with biases compute the same, and no bias becomes larger than the largest was", async () => {
    const before = pair("Relu", true);
    const { graph } = equalise(before);
    const biasOf = (one: Graph) =>
      Math.max(...floatsOf(one.initializers.get(one.nodes[0]!.inputs[2]!)!).map(Math.abs));
    expect(biasOf(graph)).toBeLessThanOrEqual(biasOf(before) * (1 + 1e-6));
    await expectSame(before, graph, 1);
  });

  it("keep a dead channel as it is, and a nearly dead one from taking the range", async () => {
    const net = netBuilder({ seed: 5 });
    const weight = floatTensor("w", [3, 2, 1, 1], Float32Array.of(0, 0, 1e-12, 1e-12, 0.5, 0.25));
    const bias = floatTensor("b", [3], Float32Array.of(0.1, 0.4, 0.5));
    const first = net.add("Conv", ["x", net.constant(weight), net.constant(bias)]);
    const before = net.build([1, 2, 4, 4], [conv(net, net.add("Relu", [first]), 3)]);
    const { graph } = equalise(before);
    const [, , levelled = ""] = graph.nodes[0]!.inputs;
    const [dead = 0, nearly = 0] = floatsOf(graph.initializers.get(levelled)!);
    expect(dead).toBeCloseTo(0.1, 6);
    expect(nearly).toBeCloseTo(0.5, 5);
    await expectSame(before, graph, 1);
  });

  it("that share a weight each get their own", async () => {
    const net = netBuilder({ seed: 6 });
    const weight = unequal(net, [3, 3, 1, 1]);
    const first = net.add("Relu", [net.add("Conv", ["x", weight])]);
    const before = net.build([1, 3, 4, 4], [net.add("Conv", [first, weight])]);
    const { graph, report } = equalise(before);
    expect(report.changed).toBe(1);
    expect(graph.nodes[0]?.inputs[1]).not.toBe(graph.nodes[2]?.inputs[1]);
    await expectSame(before, graph, 1);
  });
});

describe("three convolutions, a depthwise one in the middle", () => {
  it("settle with equal ranges on both sides of it", async () => {
    const net = netBuilder({ seed: 8 });
    const wide = net.add("Relu", [conv(net, "x", 3, { outputs: 6 })]);
    const moved = net.add("Relu", [conv(net, wide, 6, { outputs: 6, kernel: 3, group: 6 })]);
    const before = net.build([1, 3, 6, 6], [conv(net, moved, 6)]);
    const { graph, report } = equalise(before);
    expect(report).toMatchObject({ changed: 2, settled: true });
    const [a, b, c] = [
      sizes(graph, 0, "makes"),
      sizes(graph, 1, "makes"),
      sizes(graph, 2, "takes"),
    ];
    a.forEach((size, i) => {
      expect(size / b[i]!).toBeCloseTo(1, 3);
      expect(c[i]! / b[i]!).toBeCloseTo(1, 3);
    });
    await expectSame(before, graph, 2);
  });
});

describe("ReLU6", () => {
  const mobile = (activation: "Clip" | "Relu"): Graph => {
    const net = netBuilder({ seed: 3 });
    const first = conv(net, "x", 3, { outputs: 6 });
    return net.build([1, 3, 5, 5], [conv(net, activations[activation](net, first), 6)]);
  };

  it("is left alone, with the reason", () => {
    const before = mobile("Clip");
    const { graph, report } = equalise(before);
    expect(graph).toBe(before);
    expect(report.left[0]).toEqual({
      node: "t0",
      why: "t1 cuts its output off at 6, and a channel that is scaled would be cut off elsewhere",
    });
  });

  it("becomes a Relu where that is asked for, and only there", async () => {
    const { graph, report } = equalise(mobile("Clip"), { relu6: "to-relu" });
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(["Conv", "Relu", "Conv"]);
    expect(report.unbounded).toEqual(["t1"]);
    await expectSame(mobile("Relu"), graph, 3);
  });
});

describe("a convolution is left alone", () => {
  const reasonOf = (build: (net: Net, first: string) => string[]): string | undefined => {
    const net = netBuilder({ seed: 2 });
    const first = conv(net, "x", 3);
    const graph = net.build([1, 3, 5, 5], build(net, first));
    const { report } = equalise(graph);
    expect(report.pairs.filter(({ from }) => from === first)).toEqual([]);
    return report.left.find(({ node }) => node === first)?.why;
  };

  it.each<[string, (net: Net, first: string) => string[], RegExp]>([
    [
      "where two take it",
      (net, a) => [conv(net, a, 4), conv(net, a, 4)],
      /^2 nodes take its output$/,
    ],
    ["where it is an output", (net, a) => [a, conv(net, a, 4)], /^its output is needed outside/],
    [
      "where its activation is an output",
      (net, a) => {
        const b = net.add("Relu", [a]);
        return [b, conv(net, b, 4)];
      },
      /^the output of t1 is needed outside/,
    ],
    [
      "before a Sigmoid",
      (net, a) => [conv(net, net.add("Sigmoid", [a]), 4)],
      /^Sigmoid t1 takes its output$/,
    ],
    [
      "before a falling LeakyRelu",
      (net, a) => [conv(net, net.add("LeakyRelu", [a], [makeFloat("alpha", -1)]), 4)],
      /slope of t1 is negative/,
    ],
    [
      "before another Clip",
      (net, a) => [conv(net, clip(net, a, -1, 1), 4)],
      /t1 cuts its output off/,
    ],
    [
      "before a Clip to 1",
      (net, a) => [conv(net, clip(net, a, 0, 1), 4)],
      /^t1 cuts its output off$/,
    ],
    [
      "before an Add",
      (net, a) => [net.add("Add", [a, net.weight([1])])],
      /^Add t1 takes its output$/,
    ],
    [
      "before a pooling behind a Relu",
      (net, a) => [net.add("GlobalAveragePool", [net.add("Relu", [a])])],
      /^GlobalAveragePool t2 takes its output, which is no convolution$/,
    ],
  ])("%s", (_case, build, why) => {
    expect(reasonOf(build)).toMatch(why);
  });

  it("where its weight is an input", () => {
    const net = netBuilder();
    const graph = net.build([1, 3, 5, 5], [conv(net, net.add("Conv", ["x", "w"]), 4)]);
    const open = { ...graph, inputs: [...graph.inputs, makeValue("w", "float32", [4, 3, 1, 1])] };
    expect(equalise(open).report.left[0]?.why).toBe("its weight is no float32 constant");
  });
});

const layer = fc.record({
  kind: fc.constantFrom("plain", "depthwise", "multiplied", "grouped", "branch"),
  activation: fc.constantFrom(...(Object.keys(activations) as (keyof typeof activations)[])),
  kernel: fc.constantFrom(1, 3),
  bias: fc.boolean(),
});

it("any chain of convolutions computes what it did", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(10_000),
      fc.array(layer, { minLength: 1, maxLength: 6 }),
      async (seed, layers) => {
        const net = netBuilder({ seed });
        let [name, channels] = ["x", 4];
        for (const { kind, activation, kernel, bias } of layers) {
          const shapes = {
            plain: { outputs: 8 },
            depthwise: { outputs: channels, group: channels },
            multiplied: { outputs: 2 * channels, group: channels },
            grouped: { outputs: 8, group: 4 },
            branch: { outputs: channels },
          };
          const before = name;
          name = conv(net, name, channels, { ...shapes[kind], kernel, bias });
          if (kind === "branch") name = net.add("Add", [before, name]);
          channels = Math.min(shapes[kind].outputs, 32);
          if (channels < shapes[kind].outputs) {
            name = conv(net, name, shapes[kind].outputs, { outputs: channels });
          }
          name = activations[activation](net, name);
        }
        const graph = net.build([1, 4, 5, 5], [conv(net, name, channels)]);
        const { graph: after, report } = equalise(graph);
        expect(report.settled).toBe(true);
        await expectSame(graph, after, seed);
      },
    ),
    { numRuns: 150 },
  );
}, 60_000);

it("any network computes what it did", async () => {
  await fc.assert(
    fc.asyncProperty(randomNets(8), fc.nat(100), async ({ graph: given }, seed) => {
      const { graph } = await cleanGraph(given);
      await expectSame(graph, equalise(graph).graph, seed, 1);
    }),
    { numRuns: 100 },
  );
}, 60_000);

it("strides, dilations and other attributes stay", () => {
  const net = netBuilder();
  const dilated = [makeInts("dilations", [2, 2]), makeInt("group", 1)];
  const first = net.add("Conv", ["x", net.weight([4, 3, 3, 3])], dilated);
  const graph = net.build([1, 3, 9, 9], [conv(net, first, 4)]);
  expect(equalise(graph).graph.nodes[0]?.attributes).toEqual(dilated);
});
