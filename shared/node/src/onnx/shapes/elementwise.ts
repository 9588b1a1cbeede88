/** Shapes of operators that work element by element. */
import type { Dim } from "../graph.ts";
import {
  areNumbers,
  broadcast,
  type Inferred,
  likeFirst,
  type Rule,
  type Rules,
  type Shape,
  type Site,
  shapeAt,
} from "./rule.ts";

const same: Rule = (site) => site.inputs[0] && likeFirst(site, site.inputs[0].shape);

const identity: Rule = (site) => site.inputs[0] && [site.inputs[0]];

/** The mask has the input's shape. */
const dropout: Rule = (site) =>
  site.inputs[0] && [
    { type: site.inputs[0].type, shape: site.inputs[0].shape },
    { type: "bool", shape: site.inputs[0].shape },
  ];

/** Only inference's one output: with the statistics of training there are more. */
const batchNormalization: Rule = (site) =>
  site.inputs[0] && [{ type: site.inputs[0].type, shape: site.inputs[0].shape }];

function binary(combine?: (a: number, b: number) => number): Rule {
  return (site) => {
    const [a, b] = [shapeAt(site, 0), shapeAt(site, 1)];
    const shape = a && b && broadcast(a, b);
    return shape && likeFirst(site, shape, combine && combineValues(site, combine));
  };
}

/** Sums and products of sizes, as exporters compute shapes with them. */
function combineValues(site: Site, combine: (a: number, b: number) => number): Shape | undefined {
  const [a, b] = [site.inputs[0]?.values, site.inputs[1]?.values];
  if (a === undefined || b === undefined || !isInteger(site.inputs[0])) return undefined;
  if (a.length !== b.length && a.length !== 1 && b.length !== 1) return undefined;
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i): Dim => {
    const pair = [a[a.length === 1 ? 0 : i] ?? null, b[b.length === 1 ? 0 : i] ?? null];
    const [x, y] = areNumbers(pair) ? pair : [];
    const result = x === undefined || y === undefined ? null : combine(x, y);
    return result === null || !Number.isFinite(result) ? null : result;
  });
}

function isInteger(input: Inferred | undefined): boolean {
  return input?.type === "int64" || input?.type === "int32";
}

export const elementwiseRules: Rules = {
  Relu: same,
  Clip: same,
  LeakyRelu: same,
  HardSwish: same,
  HardSigmoid: same,
  Sigmoid: same,
  Softmax: same,
  LogSoftmax: same,
  Tanh: same,
  Elu: same,
  Exp: same,
  Sqrt: same,
  Abs: same,
  Neg: same,
  Floor: same,
  Ceil: same,
  Erf: same,
  LRN: same,
  Identity: identity,
  Dropout: dropout,
  BatchNormalization: batchNormalization,
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => Math.trunc(a / b)),
  Pow: binary(),
};
