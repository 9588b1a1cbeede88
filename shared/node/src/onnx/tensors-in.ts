/** Visits every tensor of a model: weights, attributes, nested graphs, functions. */
import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  revise,
  type SparseTensorProto,
  type TensorProto,
} from "./proto.ts";

type Change = (tensor: TensorProto) => TensorProto;

/** The model with each tensor replaced; the very same model where none is. */
export function mapTensors(model: ModelProto, change: Change): ModelProto {
  return reviseChanged(model, {
    graph: model.graph && mapGraph(model.graph, change),
    functions: mapList(model.functions, (own) =>
      reviseChanged(own, { node: mapList(own.node, (node) => mapNode(node, change)) }),
    ),
  });
}

function mapGraph(graph: GraphProto, change: Change): GraphProto {
  return reviseChanged(graph, {
    node: mapList(graph.node, (node) => mapNode(node, change)),
    initializer: mapList(graph.initializer, change),
    sparseInitializer: mapList(graph.sparseInitializer, (sparse) => mapSparse(sparse, change)),
  });
}

function mapSparse(sparse: SparseTensorProto, change: Change): SparseTensorProto {
  return reviseChanged(sparse, { values: sparse.values && change(sparse.values) });
}

function mapNode(node: NodeProto, change: Change): NodeProto {
  return reviseChanged(node, {
    attribute: mapList(node.attribute, (attribute) => mapAttribute(attribute, change)),
  });
}

function mapAttribute(attribute: AttributeProto, change: Change): AttributeProto {
  return reviseChanged(attribute, {
    t: attribute.t && change(attribute.t),
    g: attribute.g && mapGraph(attribute.g, change),
    tensors: mapList(attribute.tensors, change),
    graphs: mapList(attribute.graphs, (graph) => mapGraph(graph, change)),
  });
}

function mapList<Item>(
  list: readonly Item[] | undefined,
  change: (item: Item) => Item,
): readonly Item[] | undefined {
  if (list === undefined) return undefined;
  const changed = list.map(change);
  return changed.some((item, i) => item !== list[i]) ? changed : list;
}

/** `revise`, but a message that stays as it is stays the same object. */
function reviseChanged<Message extends object>(
  message: Message,
  changes: { readonly [Key in keyof Message]?: Message[Key] | undefined },
): Message {
  const real = Object.entries(changes).filter(
    ([key, value]) => value !== undefined && value !== Reflect.get(message, key),
  );
  return real.length === 0
    ? message
    : revise(message, Object.fromEntries(real) as Partial<Message>); // a part of the changes
}
