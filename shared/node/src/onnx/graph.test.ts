import { describe, expect, it } from "vitest";
import { makeInt } from "./attributes.ts";
import { edit, namer } from "./edit.ts";
import { type Graph, graphOf, makeGraph, makeValue, modelOf } from "./graph.ts";
import { capturedBy, linksOf, soleConsumer } from "./links.ts";
import { makeNode } from "./node.ts";
import { attributeTypes, type GraphProto } from "./proto.ts";
import { floatTensor } from "./tensor.ts";

const value = (name: string) => makeValue(name, "float32", [1]);

function chain(): Graph {
  return makeGraph({
    opset: 13,
    inputs: [value("x")],
    outputs: [value("y")],
    nodes: [
      makeNode("Add", ["b", "w"], ["y"]),
      makeNode("Relu", ["a"], ["b"]),
      makeNode("Neg", ["x"], ["a"]),
    ],
    initializers: [floatTensor("w", [1], Float32Array.of(1))],
  });
}

const branch: GraphProto = {
  node: [{ opType: "Add", input: ["a", "inner"], output: ["sum"] }],
  initializer: [{ name: "inner", dataType: 1, dims: [1], floatData: [1] }],
  output: [{ name: "sum" }],
};

describe("graphs", () => {
  it("are put into an order in which they can run", () => {
    expect(chain().nodes.map((node) => node.opType)).toEqual(["Neg", "Relu", "Add"]);
  });

  it("keep the order they have where that will do", () => {
    const graph = chain();
    expect(graphOf(modelOf(graph)).nodes.map(({ name }) => name)).toEqual(["a", "b", "y"]);
  });

  it("are refused where nodes wait for each other, or two make one tensor", () => {
    const parts = { opset: 13, inputs: [value("x")], outputs: [value("y")] };
    expect(() =>
      makeGraph({
        ...parts,
        nodes: [makeNode("Relu", ["b"], ["a"]), makeNode("Relu", ["a"], ["b"])],
      }),
    ).toThrow("The model is damaged: its nodes wait for each other in a circle");
    expect(() =>
      makeGraph({
        ...parts,
        nodes: [makeNode("Relu", ["x"], ["y"]), makeNode("Neg", ["x"], ["y"])],
      }),
    ).toThrow("The model is damaged: two of its nodes make the tensor y");
  });

  it("know who makes and who takes a tensor", () => {
    const links = linksOf(chain());
    expect(links.producers.get("b")?.opType).toBe("Relu");
    expect(links.consumers.get("w")?.map(({ opType }) => opType)).toEqual(["Add"]);
    expect(soleConsumer(links, "a")?.opType).toBe("Relu");
    expect(soleConsumer(links, "y")).toBeUndefined();
  });

  it("count what nested graphs take from outside as needed by name", () => {
    const node = makeNode(
      "If",
      ["x"],
      ["y"],
      [
        { name: "then_branch", g: branch, type: attributeTypes.graph },
        { name: "else_branch", g: branch, type: attributeTypes.graph },
      ],
    );
    expect([...capturedBy(node)]).toEqual(["a"]);
    const graph = makeGraph({
      opset: 13,
      inputs: [value("x")],
      outputs: [value("y")],
      nodes: [node, makeNode("Neg", ["x"], ["a"]), makeNode("Relu", ["a"], ["b"])],
    });
    expect(graph.nodes[0]?.opType).toBe("Neg");
    expect(soleConsumer(linksOf(graph), "a")).toBeUndefined();
    expect(namer(graph)("inner")).toBe("inner_1");
    expect(namer(graph)("sum")).toBe("sum_1");
  });

  it("are changed at once: nodes replaced, consumers moved, names unique", () => {
    const graph = chain();
    const [neg, relu] = graph.nodes;
    const next = edit(graph, {
      remove: [relu!],
      replace: new Map([[neg!, [makeNode("Abs", ["x"], ["c"]), makeNode("Sqrt", ["c"], ["a"])]]]),
      rename: new Map([["b", "a"]]),
    });
    expect(next.nodes.map(({ opType, inputs }) => [opType, ...inputs])).toEqual([
      ["Abs", "x"],
      ["Sqrt", "c"],
      ["Add", "a", "w"],
    ]);
    expect(graph.nodes).toHaveLength(3);
    const name = namer(graph);
    expect([name("a"), name("a"), name("new")]).toEqual(["a_1", "a_2", "new"]);
  });

  it("keep what they do not model: documentation, functions, training, other domains", () => {
    const model = modelOf(chain());
    const node = {
      opType: "Gelu",
      domain: "com.microsoft",
      input: ["x"],
      output: ["z"],
      docString: "why",
      attribute: [makeInt("k", 1)],
    };
    const full = {
      ...model,
      docString: "doc",
      functions: [{ name: "f", domain: "own" }],
      graph: { ...model.graph, node: [...(model.graph?.node ?? []), node] },
    };
    const back = modelOf(graphOf(full));
    expect(back).toEqual(full);
  });
});
