/** Says in one line what is wrong with a configuration, and what would be right. Pure. */
import type * as z from "zod/mini";
import { redact } from "./platform/redact.ts";

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

/**
 * @param raw what was read, to show the offending value
 * @param variables environment variables that gave a setting, by its path
 */
export function explainIssue(
  issue: Issue,
  raw: unknown,
  schema: z.ZodMiniType,
  file: string,
  variables: ReadonlyMap<string, string>,
): string {
  const path = issue.path.join(".");
  const allowed = allowedKeys(schema, raw, issue.path);
  if (issue.code === "unrecognized_keys") {
    const key = [path, issue.keys?.[0]].filter((part) => part !== "").join(".");
    return `${file}: unknown key "${key}"; allowed here: ${allowed.join(", ")}`;
  }
  const value = valueAt(raw, issue.path);
  const source = variables.get(path) ?? `${file}: ${path}`;
  const problem = issue.message
    .replace(/^Invalid (input|option): /, "")
    .replace(/^Invalid discriminator value. Expected/, "expected one of");
  if (value === undefined) return `${source} is missing: ${problem}`;
  return `${source} is ${shorten(JSON.stringify(value))}: ${problem}`;
}

/** Keys that the object at a path may have; empty where there is no object. */
function allowedKeys(
  schema: z.ZodMiniType,
  raw: unknown,
  path: readonly PropertyKey[],
): readonly string[] {
  let at: unknown = schema;
  let value = raw;
  for (const step of path) {
    at = inner(at, value);
    value = valueAt(value, [step]);
    const { shape, element } = definition(at);
    at = shape === undefined ? element : shape[String(step)];
  }
  return Object.keys(definition(inner(at, value)).shape ?? {});
}

/** What zod keeps about a schema, as far as it matters here. */
interface Definition {
  readonly type?: string;
  readonly innerType?: unknown;
  readonly options?: readonly unknown[];
  readonly discriminator?: string;
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly element?: unknown;
  readonly values?: readonly unknown[];
}

function definition(schema: unknown): Definition {
  if (typeof schema !== "object" || schema === null || !("_zod" in schema)) return {};
  return (schema as { _zod: { def: Definition } })._zod.def; // zod's documented inner structure
}

/** Looks through optional, default and the like, and picks the option of a union that is meant. */
function inner(schema: unknown, value: unknown): unknown {
  const { innerType, options, discriminator } = definition(schema);
  if (innerType !== undefined) return inner(innerType, value);
  if (options === undefined || discriminator === undefined) return schema;
  const kind = valueAt(value, [discriminator]);
  return options.find((option) =>
    definition(definition(option).shape?.[discriminator]).values?.includes(kind),
  );
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<PropertyKey, unknown>)[step]; // any object can be asked for any key
  }
  return at;
}

/** The value for people to see: without passwords, and not endless. */
function shorten(value: string | undefined): string {
  const text = redact(value ?? "missing");
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}
