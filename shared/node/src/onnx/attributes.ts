/** Reads and makes the attributes of nodes. */
import { type AttributeProto, attributeTypes, type TensorProto, toNumber } from "./proto.ts";

interface WithAttributes {
  readonly attributes: readonly AttributeProto[];
}

export function attributeOf(node: WithAttributes, name: string): AttributeProto | undefined {
  return node.attributes.find((attribute) => attribute.name === name);
}

/** An integer attribute, or `otherwise` where the node does not name it. */
export function intOf<Otherwise>(
  node: WithAttributes,
  name: string,
  otherwise: Otherwise,
): number | Otherwise {
  const attribute = attributeOf(node, name);
  return attribute === undefined ? otherwise : toNumber(attribute.i);
}

export function intsOf<Otherwise>(
  node: WithAttributes,
  name: string,
  otherwise: Otherwise,
): readonly number[] | Otherwise {
  const attribute = attributeOf(node, name);
  return attribute === undefined ? otherwise : (attribute.ints ?? []).map(toNumber);
}

export function floatOf(node: WithAttributes, name: string, otherwise: number): number {
  const attribute = attributeOf(node, name);
  return attribute === undefined ? otherwise : (attribute.f ?? 0);
}

export function floatsOf(node: WithAttributes, name: string): readonly number[] | undefined {
  const attribute = attributeOf(node, name);
  return attribute && (attribute.floats ?? []);
}

export function stringOf(node: WithAttributes, name: string, otherwise: string): string {
  const attribute = attributeOf(node, name);
  return attribute === undefined ? otherwise : new TextDecoder().decode(attribute.s);
}

export function makeInt(name: string, i: number): AttributeProto {
  return { name, i, type: attributeTypes.int };
}

export function makeInts(name: string, ints: readonly number[]): AttributeProto {
  return { name, ints: [...ints], type: attributeTypes.ints };
}

export function makeFloat(name: string, f: number): AttributeProto {
  return { name, f, type: attributeTypes.float };
}

export function makeString(name: string, value: string): AttributeProto {
  return { name, s: new TextEncoder().encode(value), type: attributeTypes.string };
}

export function makeTensorAttribute(name: string, t: TensorProto): AttributeProto {
  return { name, t, type: attributeTypes.tensor };
}

/** The node's attributes with some replaced or added. */
export function withAttributes(
  node: WithAttributes,
  changed: readonly AttributeProto[],
): readonly AttributeProto[] {
  const names = new Set(changed.map(({ name }) => name));
  return [...node.attributes.filter(({ name }) => !names.has(name)), ...changed];
}
