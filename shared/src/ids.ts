import * as z from "zod/mini";

/** Names that travel in topics and URLs: lower-case letters, digits and hyphens, 1 to 64 long. */
export const slug = z
  .string()
  .check(z.regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, "use 1 to 64 of a-z, 0-9 and hyphens"));

/** Lower-case hexadecimal SHA-256. */
export const sha256 = z
  .string()
  .check(z.regex(/^[0-9a-f]{64}$/, "a SHA-256 is 64 lower-case hexadecimal digits"));

/** `major.minor.patch` with an optional pre-release, as semver.org 2.0.0 writes it (no build part). */
export const semver = z
  .string()
  .check(
    z.maxLength(64),
    z.regex(
      /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/,
      "a version is major.minor.patch, for example 1.2.0 or 1.2.0-rc.1",
    ),
  );

/** Unix time in whole milliseconds. */
export const timeMs = z.int().check(z.nonnegative());

/** A whole number ≥ 0 that stays exact in a double. */
export const count = z.int().check(z.nonnegative());

/** Compares two semantic versions by precedence (semver.org 2.0.0, item 11): negative, 0 or positive. */
export function compareVersions(a: string, b: string): number {
  const [coreA = "", preA] = splitOnce(a, "-");
  const [coreB = "", preB] = splitOnce(b, "-");
  const core = compareParts(coreA.split("."), coreB.split("."));
  if (core !== 0) return core;
  if (preA === undefined || preB === undefined)
    return preA === preB ? 0 : preA === undefined ? 1 : -1;
  return compareParts(preA.split("."), preB.split("."));
}

function splitOnce(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const x = a[i];
    const y = b[i];
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? -1 : 1;
    const numeric = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (numeric[0] && numeric[1]) {
      if (Number(x) !== Number(y)) return Number(x) - Number(y);
    } else if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
    else if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
