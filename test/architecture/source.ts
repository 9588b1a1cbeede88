/** Reads a source file into the facts that the rules look at. */
import { posix } from "node:path";
import { parseSync } from "oxc-parser";

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path in the repository for a file of ours; `undefined` for a package or a Node module. */
  readonly target: string | undefined;
  /** Name of a foreign package or `node:…` module. */
  readonly external: string | undefined;
  readonly line: number;
}

export interface FunctionSize {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** Something found at a line, and how it reads. */
export interface Spot {
  readonly line: number;
  readonly what: string;
}

export interface SourceFile {
  /** Path from the repository's root, with slashes. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionSize[];
  /** SQL text and calls of the query builder. */
  readonly sql: readonly Spot[];
  /** Default exports, `export *`, decorators, `private` members, names with an `I` prefix. */
  readonly defaultExports: readonly Spot[];
  readonly exportAlls: readonly Spot[];
  readonly oddities: readonly Spot[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const sqlText =
  /^\s*(select\s[\s\S]*\sfrom\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\S+\s+set\s|delete\s+from\s|(create|drop|alter)\s+(temporary\s+|unique\s+)?(table|index|view|schema)\s|with\s+(recursive\s+)?\w+(\([^)]*\))?\s+as\s*\()/i;
const queryBuilder = new Set([
  "selectFrom",
  "insertInto",
  "updateTable",
  "deleteFrom",
  "mergeInto",
  "createTable",
]);

/** Parses one file. Throws where it is not valid TypeScript. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  const [broken] = errors;
  if (broken) throw new Error(`${path}: ${broken.message}`);
  const starts = lineStarts(text);
  const found = {
    imports: [] as Import[],
    functions: [] as FunctionSize[],
    sql: [] as Spot[],
    defaultExports: [] as Spot[],
    exportAlls: [] as Spot[],
    oddities: [] as Spot[],
  };
  walk(program as unknown as Node, undefined, (node, parent) => {
    const line = lineAt(starts, node.start);
    const specifier = specifierOf(node);
    if (specifier !== undefined)
      found.imports.push({ specifier, ...resolve(path, specifier), line });
    if (isFunction(node)) {
      const lines = lineAt(starts, node.end) - line + 1;
      found.functions.push({ name: nameOf(node, parent), line, lines });
    }
    const sql = sqlOf(node);
    if (sql !== undefined) found.sql.push({ line, what: sql });
    if (node.type === "ExportDefaultDeclaration")
      found.defaultExports.push({ line, what: "export default" });
    if (node.type === "ExportAllDeclaration") found.exportAlls.push({ line, what: "export *" });
    const odd = oddityOf(node);
    if (odd !== undefined) found.oddities.push({ line, what: odd });
  });
  const lines = text === "" ? 0 : text.replace(/\n$/, "").split("\n").length;
  return { path, lines, ...found };
}

function walk(
  node: Node,
  parent: Node | undefined,
  visit: (node: Node, parent: Node | undefined) => void,
): void {
  visit(node, parent);
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (child !== null && typeof child === "object" && "type" in child)
        walk(child as Node, node, visit);
}

function specifierOf(node: Node): string | undefined {
  const withSource = [
    "ImportDeclaration",
    "ExportNamedDeclaration",
    "ExportAllDeclaration",
    "ImportExpression",
    "TSImportType",
  ];
  if (!withSource.includes(node.type)) return undefined;
  const source = (node.source ?? node.argument) as { value?: unknown } | null | undefined;
  return typeof source?.value === "string" ? source.value : undefined;
}

const packages: Readonly<Record<string, string>> = {
  shared: "shared/src",
  "shared-node": "shared/node/src",
  edge: "edge/src",
  cloud: "cloud/src",
  cli: "cloud/cli/src",
  console: "cloud/console/src",
  demo: "deploy/demo/src",
};

function resolve(from: string, specifier: string): Pick<Import, "target" | "external"> {
  if (specifier.startsWith("."))
    return { target: posix.join(posix.dirname(from), specifier), external: undefined };
  const [, name = "", rest = ""] = /^@fieldloop\/([a-z-]+)\/?(.*)$/.exec(specifier) ?? [];
  const folder = packages[name];
  if (folder !== undefined) return { target: `${folder}/${rest}.ts`, external: undefined };
  if (specifier.startsWith("node:")) return { target: undefined, external: specifier };
  const parts = specifier.split("/");
  const external = specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
  return { target: undefined, external };
}

function isFunction({ type, body }: Node): boolean {
  return (
    body !== null &&
    ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(type)
  );
}

function nameOf(node: Node, parent: Node | undefined): string {
  for (const holder of [node.id, parent?.key, parent?.id]) {
    const name = (holder as { name?: unknown } | null | undefined)?.name;
    if (typeof name === "string") return name;
  }
  return "a function";
}

function sqlOf(node: Node): string | undefined {
  if (node.type === "MemberExpression") {
    const name = (node.property as { name?: unknown } | undefined)?.name;
    return typeof name === "string" && queryBuilder.has(name) ? `.${name}(` : undefined;
  }
  if (node.type === "TaggedTemplateExpression") {
    const tag = node.tag as { name?: unknown };
    return tag.name === "sql" ? "sql`…`" : undefined;
  }
  const text = node.type === "Literal" ? node.value : templateText(node);
  if (typeof text !== "string" || !sqlText.test(text)) return undefined;
  return text.trim().replace(/\s+/g, " ").slice(0, 40);
}

/** A template with `?` where values go. */
function templateText(node: Node): string | undefined {
  if (node.type !== "TemplateLiteral") return undefined;
  const quasis = node.quasis as readonly { readonly value: { readonly cooked: string | null } }[];
  return quasis.map(({ value }) => value.cooked ?? "").join("?");
}

function oddityOf(node: Node): string | undefined {
  if (node.type === "Decorator") return "a decorator";
  if (node.type === "TSEnumDeclaration") return "an enum";
  if (node.accessibility === "private" || node.accessibility === "protected")
    return `a \`${node.accessibility}\` member; write #name`;
  if (node.type !== "TSInterfaceDeclaration" && node.type !== "ClassDeclaration") return undefined;
  const name = (node.id as { name?: unknown } | null)?.name;
  return typeof name === "string" && /^I[A-Z][a-z]/.test(name) && !knownWords.test(name)
    ? `the name ${name}, with an I in front`
    : undefined;
}

/** Words that begin with an I of their own. */
const knownWords = /^(IoU?|IdP?)[A-Z]?/;

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}
