import { plain } from "./text.ts";

/** A column of a table: its heading and how a row's cell reads. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string | number | null | undefined;
  /** Numbers read better flush right. */
  readonly right?: true;
}

export interface TableLook {
  /** Bold headings, for a terminal. */
  readonly bold: boolean;
}

/** An aligned table with a heading, ending in a line feed. An empty cell shows `-`. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  look: TableLook = { bold: false },
): string {
  const cells = rows.map((row) => columns.map((column) => cellText(column.cell(row))));
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...cells.map((row) => row[at]?.length ?? 0)),
  );
  const line = (texts: readonly string[]) =>
    columns
      .map((column, at) => {
        const width = widths[at] ?? 0;
        const text = texts[at] ?? "";
        return column.right ? text.padStart(width) : text.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  const head = line(columns.map((column) => column.title));
  return `${[look.bold ? `\u001b[1m${head}\u001b[22m` : head, ...cells.map(line)].join("\n")}\n`;
}

/** Names and values, one pair a line, values aligned; pairs without a value are left out. */
export function facts(pairs: readonly (readonly [string, string | null | undefined])[]): string {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${plain(value ?? "")}\n`).join("");
}

function cellText(value: string | number | null | undefined): string {
  const text = value === null || value === undefined ? "" : plain(String(value));
  return text === "" ? "-" : text;
}
