/** Shapes of operators whose output has another type than their input, and of constants. */
import { intOf } from "../attributes.ts";
import { typeName } from "../element-type.ts";
import { type Rule, type Rules, shapeAt } from "./rule.ts";

const constant: Rule = (site) => site.constant && [site.constant];

/** From operator set 15 a part of the shape may be asked for. */
const shape: Rule = (site) => {
  const x = shapeAt(site, 0);
  if (x === undefined) return undefined;
  const place = (at: number): number =>
    Math.min(x.length, Math.max(0, at < 0 ? at + x.length : at));
  const values = x.slice(
    place(intOf(site.node, "start", 0)),
    place(intOf(site.node, "end", x.length)),
  );
  return [{ type: "int64", shape: [values.length], values }];
};

const cast: Rule = (site) => {
  const [x] = site.inputs;
  if (x === undefined) return undefined;
  const type = typeName(intOf(site.node, "to", 0));
  const integers = type === "int64" || type === "int32";
  const wasInteger = x.type === "int64" || x.type === "int32";
  const values = integers && wasInteger ? x.values : undefined;
  return [{ type, shape: x.shape, ...(values === undefined ? {} : { values }) }];
};

/** The type of the zero point, or uint8 where none is given. */
const quantizeLinear: Rule = (site) =>
  site.inputs[0] && [{ type: site.inputs[2]?.type ?? "uint8", shape: site.inputs[0].shape }];

const dequantizeLinear: Rule = (site) =>
  site.inputs[0] && [{ type: site.inputs[1]?.type ?? "float32", shape: site.inputs[0].shape }];

export const typedRules: Rules = {
  Constant: constant,
  Shape: shape,
  Cast: cast,
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
};
