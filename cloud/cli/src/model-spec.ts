/** Reads `model.yaml` and says what does not fit by line and key. */
import { readFile } from "node:fs/promises";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { type ModelSpec, modelSpec } from "@fieldloop/shared/manifest/model";
import { isNode, LineCounter, parseDocument } from "yaml";
import type * as z from "zod/mini";
import { nearest } from "./text.ts";

const specBytesMax = 1024 * 1024;
const problemsMax = 20;

type Path = readonly PropertyKey[];
interface Problem {
  readonly path: string;
  readonly message: string;
}

/** Reads and checks a file; throws `AppError` with one problem per key that does not fit. */
export async function readModelSpec(path: string): Promise<ModelSpec> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    const reason = missing ? "does not exist" : `cannot be read: ${messageOf(cause)}`;
    throw new AppError({ code: "bad-manifest", message: `the manifest ${path} ${reason}`, cause });
  });
  if (bytes.length > specBytesMax)
    throw new AppError({
      code: "bad-manifest",
      message: `the manifest ${path} has more than ${specBytesMax} bytes; is it the right file?`,
    });
  return parseModelSpec(bytes.toString("utf8"), path);
}

/** Parses the text of a `model.yaml`; `path` is for the messages. */
export function parseModelSpec(text: string, path: string): ModelSpec {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new AppError({
      code: "bad-manifest",
      message: `${path}:${line}:${col} is not valid YAML: ${broken.message}`,
    });
  }
  const parsed = modelSpec.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  const lineOf = (at: Path) => {
    const node = document.getIn(at, true);
    return isNode(node) && node.range ? lines.linePos(node.range[0]).line : undefined;
  };
  const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, lineOf));
  throw new AppError({
    code: "bad-manifest",
    message: `${path} does not describe a model: ${problems.length} ${problems.length === 1 ? "key does" : "keys do"} not fit`,
    detail: { errors: problems.slice(0, problemsMax) },
  });
}

function problemsOf(issue: z.core.$ZodIssue, lineOf: (at: Path) => number | undefined): Problem[] {
  const problem = (at: Path, message: string): Problem => {
    const line = at.length === 0 ? undefined : lineOf(at);
    return {
      path: at.join("."),
      message: line === undefined ? message : `${message} (line ${line})`,
    };
  };
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => {
      const allowed = keysAt(modelSpec, issue.path);
      const close = nearest(key, allowed);
      const advice = close ? `did you mean ${close}?` : `known here: ${allowed.join(", ")}`;
      return problem([...issue.path, key], `is not a known key; ${advice}`);
    });
  if (issue.code === "invalid_union") {
    const allowed = kindsAt(modelSpec, issue.path);
    return [problem(issue.path, `use one of ${allowed.join(", ")}`)];
  }
  if (issue.code === "invalid_type" && lineOf(issue.path) === undefined)
    return [problem(issue.path, "is missing")];
  const quoted = issue.code === "invalid_type" && issue.expected === "string";
  return [problem(issue.path, quoted ? `${issue.message}; put it in quotes` : issue.message)];
}

/** The parts of a schema's definition that naming allowed keys needs. */
interface Definition {
  readonly type?: string;
  readonly innerType?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly options?: readonly z.core.$ZodType[];
  readonly values?: readonly unknown[];
}

function definitionOf(schema: z.core.$ZodType): Definition {
  const definition = schema._zod.def as Definition; // every definition has some of these keys
  return definition.innerType ? definitionOf(definition.innerType) : definition;
}

/** The keys allowed at a path; those of all alternatives where there are several. */
function keysAt(root: z.core.$ZodType, path: Path): string[] {
  return [...new Set(objectsAt(root, path).flatMap((shape) => Object.keys(shape)))];
}

/** The values allowed for the key at the end of the path, which tells alternatives apart. */
function kindsAt(root: z.core.$ZodType, path: Path): string[] {
  const key = String(path.at(-1));
  return objectsAt(root, path.slice(0, -1)).flatMap((shape) => {
    const field = shape[key];
    return field ? (definitionOf(field).values ?? []).map(String) : [];
  });
}

function objectsAt(root: z.core.$ZodType, path: Path) {
  let schemas = [root];
  const alternatives = () =>
    schemas.flatMap((schema) => {
      const { shape, options } = definitionOf(schema);
      return shape ? [shape] : (options ?? []).map((option) => definitionOf(option).shape ?? {});
    });
  for (const key of path) schemas = alternatives().flatMap((shape) => shape[String(key)] ?? []);
  return alternatives();
}
