/** Shapes of operators that change a picture's size. */
import { intsOf, stringOf } from "../attributes.ts";
import {
  axesOf,
  isGiven,
  likeFirst,
  numbersAt,
  type Rule,
  type Rules,
  type Site,
  shapeAt,
} from "./rule.ts";

/** Resize takes sizes or scales, for all axes or (from operator set 18) for some. */
const resize: Rule = (site) => {
  const x = shapeAt(site, 0);
  if (x === undefined) return undefined;
  const axes = axesOf(intsOf(site.node, "axes", undefined) ?? x.map((_, i) => i), x.length);
  if (axes === undefined) return undefined;
  if (isGiven(site, 3)) {
    // With another policy than to stretch, the sizes are only a frame for the result.
    if (stringOf(site.node, "keep_aspect_ratio_policy", "stretch") !== "stretch") return undefined;
    const sizes = numbersAt(site, 3);
    return (
      sizes &&
      likeFirst(
        site,
        x.map((dim, i) => sizes[axes.indexOf(i)] ?? dim),
      )
    );
  }
  return scaled(site, 2, axes);
};

const upsample: Rule = (site) => {
  const x = shapeAt(site, 0);
  return (
    x &&
    scaled(
      site,
      1,
      x.map((_, i) => i),
    )
  );
};

function scaled(site: Site, input: number, axes: readonly number[]): ReturnType<Rule> {
  const [x, scales] = [shapeAt(site, 0), numbersAt(site, input)];
  if (x === undefined || scales?.length !== axes.length) return undefined;
  return likeFirst(
    site,
    x.map((dim, i) => {
      const scale = scales[axes.indexOf(i)] ?? 1;
      if (scale === 1) return dim;
      // Scales are 32-bit floats, and so is the product.
      return typeof dim === "number" ? Math.floor(Math.fround(dim * scale)) : null;
    }),
  );
}

export const resizeRules: Rules = { Resize: resize, Upsample: upsample };
