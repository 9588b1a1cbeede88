/** How arguments and options are read; each throws with a sentence that commander shows. */
import { slug } from "@fieldloop/shared/ids";
import { InvalidArgumentError } from "commander";
import { parseSpan } from "./text.ts";

/** `a,b` and repeated options, collected. */
export function list(text: string, previous: readonly string[] = []): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === ""))
    throw new InvalidArgumentError("Write names with commas between them.");
  return [...previous, ...names];
}

/** A name as devices, sites, groups and models have it. */
export function name(text: string): string {
  if (slug.safeParse(text).success) return text;
  throw new InvalidArgumentError("Use 1 to 64 of a-z, 0-9 and hyphens.");
}

/** `a,b` of such names. */
export function names(text: string, previous: readonly string[] = []): string[] {
  return list(text, previous).map(name);
}

/** A length of time, in seconds. */
export function span(text: string): number {
  const seconds = parseSpan(text);
  if (seconds === undefined || seconds === 0)
    throw new InvalidArgumentError("Write a length of time like 90s, 30m, 24h or 7d.");
  return seconds;
}

/** A whole number of at least 1. */
export function positive(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Write a whole number, 1 or more.");
}
