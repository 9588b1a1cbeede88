/** Turns a JSON schema into rows of a table: one row per field, with its type and its limits. */

const safeIntegerMax = Number.MAX_SAFE_INTEGER;

/** Patterns that have a name in the document's list of types. */
const namedPatterns = new Map([
  ["^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$", "slug"],
  ["^[0-9a-f]{64}$", "sha256"],
]);

/**
 * Rows of an object's fields, nested ones as `a.b`, those of a list's items as `a[].b`. In a table of
 * columns a row stands for the values of the column, not for the list.
 * @returns `{ path, type, limits, required }` in the order of the schema
 */
export function fieldsOf(schema, prefix = "") {
  const columns = isColumns(schema);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const field = columns ? property.items : property;
    const path = `${prefix}${name}`;
    const required = (schema.required ?? []).includes(name);
    const { inner } = withoutNull(field);
    const row = { path, type: typeOf(field), limits: limitsOf(inner), required };
    return [row, ...nestedFields(inner, path)];
  });
}

function nestedFields(schema, path) {
  if (schema.properties !== undefined) return fieldsOf(schema, `${path}.`);
  if (schema.items?.properties !== undefined) return fieldsOf(schema.items, `${path}[].`);
  return [];
}

/** A table in columns: every property is a list of the same greatest length. */
function isColumns(schema) {
  const fields = Object.values(schema.properties ?? {});
  const lengths = new Set(fields.map(({ type, maxItems }) => (type === "array" ? maxItems : 0)));
  const [length] = lengths;
  return lengths.size === 1 && length > 0 && Object.hasOwn(schema.properties, "seq");
}

function withoutNull(schema) {
  if (Array.isArray(schema.type)) {
    const [type, ...more] = schema.type.filter((name) => name !== "null");
    if (more.length > 0)
      throw new Error(`a field of several types (${schema.type}) has no row yet`);
    return { inner: { ...schema, type }, nullable: schema.type.includes("null") };
  }
  if (schema.anyOf === undefined) return { inner: schema, nullable: false };
  const others = schema.anyOf.filter((one) => one.type !== "null");
  if (others.length !== 1) throw new Error("a union of more than one type and null has no row yet");
  return { inner: others[0], nullable: others.length < schema.anyOf.length };
}

/** How a type reads: `text`, `list of slug`, `[count, count]`. */
export function typeOf(schema) {
  const { inner, nullable } = withoutNull(schema);
  return nullable ? `${plainType(inner)} or null` : plainType(inner);
}

function plainType(schema) {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.type === "string") return namedPatterns.get(schema.pattern) ?? "text";
  if (schema.type === "integer") return isCount(schema) ? "count" : "integer";
  if (schema.type === "array") return listType(schema);
  if (schema.type === "object") return objectType(schema);
  return schema.type ?? "anything";
}

function isCount({ minimum, maximum }) {
  return minimum === 0 && maximum === safeIntegerMax;
}

function listType(schema) {
  if (schema.prefixItems !== undefined)
    return `[${schema.prefixItems.map((item) => withLimits(item)).join(", ")}]`;
  return `list of ${schema.items.properties === undefined ? withLimits(schema.items) : "objects"}`;
}

function objectType(schema) {
  if (isColumns(schema)) return "columns";
  if (schema.properties !== undefined) return "object";
  return `map from text to ${typeOf(schema.additionalProperties ?? {})}`;
}

function withLimits(schema) {
  const limits = limitsOf(withoutNull(schema).inner);
  return limits === "" ? typeOf(schema) : `${typeOf(schema)} (${limits})`;
}

/** Bounds in words; empty where the type says everything. */
export function limitsOf(schema) {
  if (isColumns(schema)) return `at most ${Object.values(schema.properties)[0].maxItems} rows`;
  const bounds = [];
  if (schema.type === "integer" || schema.type === "number") bounds.push(...numberBounds(schema));
  if (schema.type === "string" && !namedPatterns.has(schema.pattern))
    bounds.push(range(schema.minLength, schema.maxLength, "characters"));
  if (schema.type === "array" && schema.prefixItems === undefined)
    bounds.push(range(schema.minItems, schema.maxItems, "items"));
  return bounds.filter((bound) => bound !== "").join(", ");
}

function numberBounds(schema) {
  if (schema.const !== undefined || isCount(schema)) return [];
  const low =
    schema.minimum !== undefined
      ? `≥ ${schema.minimum}`
      : schema.exclusiveMinimum !== undefined
        ? `> ${schema.exclusiveMinimum}`
        : "";
  const { maximum } = schema;
  return [low, maximum === undefined || maximum === safeIntegerMax ? "" : `≤ ${maximum}`];
}

function range(min, max, unit) {
  if (min === undefined && max === undefined) return "";
  if (min === max) return `exactly ${min} ${unit}`;
  if (max === undefined) return `at least ${min} ${unit}`;
  return min === undefined || min === 0 ? `at most ${max} ${unit}` : `${min} to ${max} ${unit}`;
}

/** A Markdown table; a bar inside a cell is written so that it stays inside. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
