/** Takes channels out of a graph for good: weights, biases, groups and sizes shrink together. */
import { makeInt, makeInts, withAttributes } from "@fieldloop/shared-node/onnx/attributes";
import { edit, namer } from "@fieldloop/shared-node/onnx/edit";
import type { Graph } from "@fieldloop/shared-node/onnx/graph";
import type { Node } from "@fieldloop/shared-node/onnx/node";
import {
  countOf,
  dataOf,
  int64Tensor,
  integersOf,
  makeTensor,
  type Tensor,
  type TypedData,
} from "@fieldloop/shared-node/onnx/tensor";
import { removeUnused } from "../passes/remove-unused.ts";
import type { Member } from "./lanes.ts";
import type { Trace } from "./trace.ts";

/** Atoms that go. Whole channels only: what hangs together goes together. */
export type Removed = ReadonlySet<number>;

/** The graph without these channels; it computes what it did with their filters and biases at zero. */
export function applyPruning(graph: Graph, trace: Trace, removed: Removed): Graph {
  const byNode = new Map<Node, Member[]>();
  for (const member of trace.members) {
    if (!atomsOf(member).some((atom) => removed.has(atom))) continue;
    byNode.set(member.node, [...(byNode.get(member.node) ?? []), member]);
  }
  const name = namer(graph);
  const initializers: Tensor[] = [];
  const replace = new Map<Node, readonly Node[]>();
  for (const [node, members] of byNode) {
    const shrunk = shrink(graph, node, members, removed);
    const inputs = [...node.inputs];
    for (const [input, tensor] of shrunk.constants) {
      inputs[input] = name(`${tensor.name || node.name}_pruned`);
      initializers.push(makeTensor({ ...tensor, name: inputs[input] ?? "", data: dataOf(tensor) }));
    }
    replace.set(node, [{ ...node, inputs, attributes: shrunk.attributes }]);
  }
  const pruned = edit(graph, { replace, initializers });
  // What the file said about these tensors is right no longer.
  const values = graph.values.filter(
    (value) => !trace.lanes.get(value.name)?.atoms.some((atom) => removed.has(atom)),
  );
  return removeUnused({ ...pruned, values }).graph;
}

export function atomsOf(member: Member): readonly number[] {
  return member.kind === "split" ? member.pieces.flat() : member.atoms;
}

/** How many of the atoms stay. */
export function keptCount(atoms: readonly number[], removed: Removed): number {
  return atoms.reduce((count, atom) => (removed.has(atom) ? count : count + 1), 0);
}

function shrink(
  graph: Graph,
  node: Node,
  members: readonly Member[],
  removed: Removed,
): { readonly constants: ReadonlyMap<number, Tensor>; readonly attributes: Node["attributes"] } {
  const constants = new Map<number, Tensor>();
  let { attributes } = node;
  for (const member of members) {
    if (member.kind === "group") {
      const groups = makeInt("group", keptCount(member.atoms, removed));
      attributes = withAttributes({ attributes }, [groups]);
    } else if (member.kind === "split") {
      const sizes = member.pieces.map((piece) => keptCount(piece, removed));
      attributes = attributes.filter(({ name }) => name !== "num_outputs" && name !== "split");
      if (graph.opset >= 13) constants.set(1, int64Tensor(`${node.name}_split`, sizes));
      else attributes = withAttributes({ attributes }, [makeInts("split", sizes)]);
    } else {
      const tensor = constants.get(member.input) ?? constantOf(graph, node, member.input);
      constants.set(member.input, shrinkConstant(tensor, member, removed));
    }
  }
  return { constants, attributes };
}

function constantOf(graph: Graph, node: Node, input: number): Tensor {
  const tensor = graph.initializers.get(node.inputs[input] ?? "");
  if (tensor === undefined) throw new Error(`${node.name} has no constant at input ${input}`);
  return tensor;
}

function shrinkConstant(
  tensor: Tensor,
  member: Extract<Member, { kind: "slice" | "entry" }>,
  removed: Removed,
): Tensor {
  if (member.kind === "slice") {
    const kept = member.atoms.flatMap((atom, i) => (removed.has(atom) ? [] : [i]));
    return takeAlong(tensor, member.axis, kept);
  }
  const list = integersOf(tensor);
  list[member.position] = keptCount(member.atoms, removed);
  return int64Tensor(tensor.name, list, tensor.dims);
}

/** The tensor with only these indices of an axis. */
function takeAlong(tensor: Tensor, axis: number, kept: readonly number[]): Tensor {
  const { name, type, dims } = tensor;
  const data = dataOf(tensor);
  const inner = countOf(dims.slice(axis + 1));
  const outer = countOf(dims.slice(0, axis));
  const old = dims[axis] ?? 0;
  // The same kind of array as the data, so the views below fit it.
  const taken = Reflect.construct(data.constructor, [outer * kept.length * inner]) as TypedData;
  for (let o = 0; o < outer; o++) {
    for (const [i, index] of kept.entries()) {
      const from = (o * old + index) * inner;
      const view = data.subarray(from, from + inner);
      taken.set(view as never, (o * kept.length + i) * inner); // of the same kind, as just made
    }
  }
  return makeTensor({ name, type, dims: dims.with(axis, kept.length), data: taken });
}
