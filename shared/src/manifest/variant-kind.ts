/** Kinds of files, in a module of their own: the console's first page needs no more of the manifest. */

/**
 * Arithmetic of a file; a version has at most one of each. `int8-reduced` has 7-bit weights, for x86
 * processors without VNNI; `int8-dynamic` finds the ranges of its activations as it runs.
 */
export const variantKinds = ["float32", "float16", "int8", "int8-reduced", "int8-dynamic"] as const;
export type VariantKind = (typeof variantKinds)[number];
