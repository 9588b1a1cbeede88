/** Shapes of operators that slide a window: convolutions and pools. */
import { intOf, intsOf, stringOf } from "../attributes.ts";
import type { Dim } from "../graph.ts";
import {
  areNumbers,
  likeFirst,
  type Rule,
  type Rules,
  type Shape,
  type Site,
  shapeAt,
} from "./rule.ts";

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begin of each axis, then end of each. */
  readonly pads: readonly number[];
  readonly autoPad: string;
  readonly ceil: boolean;
}

function windowOf(site: Site, kernel: readonly number[]): Window {
  const ones = kernel.map(() => 1);
  return {
    kernel,
    strides: intsOf(site.node, "strides", ones),
    dilations: intsOf(site.node, "dilations", ones),
    pads: intsOf(
      site.node,
      "pads",
      [...kernel, ...kernel].map(() => 0),
    ),
    autoPad: stringOf(site.node, "auto_pad", "NOTSET"),
    ceil: intOf(site.node, "ceil_mode", 0) === 1,
  };
}

/** Size of one axis after the window has slid over it. */
function slide(window: Window, axis: number, size: Dim): Dim {
  const stride = window.strides[axis] ?? 1;
  const reach = ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1);
  const same = window.autoPad.startsWith("SAME");
  const valid = window.autoPad === "VALID";
  const before = valid ? 0 : (window.pads[axis] ?? 0);
  const after = valid ? 0 : (window.pads[axis + window.kernel.length] ?? 0);
  if (stride === 1 && (same || before + after === reach)) return size;
  if (typeof size !== "number") return null;
  if (same) return Math.ceil(size / stride);
  const steps = (size + before + after - reach - 1) / stride;
  const floor = Math.floor(steps) + 1;
  if (!window.ceil) return floor < 1 ? null : floor;
  const ceil = Math.ceil(steps) + 1;
  // A last window that would lie wholly in the padding behind is left out.
  return (ceil - 1) * stride >= size + before ? ceil - 1 : ceil;
}

const conv: Rule = (site) => {
  const [x, w] = [shapeAt(site, 0), shapeAt(site, 1)];
  if (x === undefined || w === undefined || x.length < 3 || x.length !== w.length) return undefined;
  const kernel = intsOf(site.node, "kernel_shape", undefined) ?? w.slice(2);
  if (!areNumbers(kernel)) return undefined;
  const window = windowOf(site, kernel);
  return likeFirst(site, [
    x[0] ?? null,
    w[0] ?? null,
    ...x.slice(2).map((size, axis) => slide(window, axis, size)),
  ]);
};

const convTranspose: Rule = (site) => {
  const [x, w] = [shapeAt(site, 0), shapeAt(site, 1)];
  if (x === undefined || w === undefined || x.length < 3 || x.length !== w.length) return undefined;
  const kernel = intsOf(site.node, "kernel_shape", undefined) ?? w.slice(2);
  if (!areNumbers(kernel)) return undefined;
  const window = windowOf(site, kernel);
  const stated = intsOf(site.node, "output_shape", undefined);
  const extra = intsOf(
    site.node,
    "output_padding",
    kernel.map(() => 0),
  );
  const perGroup = w[1] ?? null;
  const channels = typeof perGroup === "number" ? perGroup * intOf(site.node, "group", 1) : null;
  const sizes = x.slice(2).map((size, axis): Dim => {
    if (stated !== undefined) return stated.at(axis - kernel.length) ?? null;
    return typeof size === "number" ? spread(window, axis, size, extra[axis] ?? 0) : null;
  });
  return likeFirst(site, [x[0] ?? null, channels, ...sizes]);
};

/** Size of one axis after a transposed convolution. */
function spread(window: Window, axis: number, size: number, extra: number): number {
  const stride = window.strides[axis] ?? 1;
  if (window.autoPad.startsWith("SAME")) return size * stride;
  const reach = ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1);
  const valid = window.autoPad === "VALID";
  const before = valid ? 0 : (window.pads[axis] ?? 0);
  const after = valid ? 0 : (window.pads[axis + window.kernel.length] ?? 0);
  return stride * (size - 1) + extra + reach + 1 - before - after;
}

const pool: Rule = (site) => {
  const x = shapeAt(site, 0);
  const kernel = intsOf(site.node, "kernel_shape", undefined);
  if (x === undefined || kernel === undefined || x.length !== kernel.length + 2) return undefined;
  const window = windowOf(site, kernel);
  const shape: Shape = [
    ...x.slice(0, 2),
    ...x.slice(2).map((size, axis) => slide(window, axis, size)),
  ];
  return [...likeFirst(site, shape), { type: "int64", shape }]; // MaxPool's second output: where it was
};

const globalPool: Rule = (site) => {
  const x = shapeAt(site, 0);
  if (x === undefined || x.length < 3) return undefined;
  return likeFirst(site, [...x.slice(0, 2), ...x.slice(2).map(() => 1)]);
};

export const windowRules: Rules = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
};
