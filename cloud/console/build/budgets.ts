import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** Bounds of what a browser downloads, gzip-compressed kilobytes (1000 bytes). */
export const budgets = {
  initialScriptKbMax: 135,
  initialStyleKbMax: 14,
  lazyChunkKbMax: 90,
  allScriptKbMax: 400,
} as const;

/** One emitted file, as far as the budgets care. */
export interface EmittedFile {
  readonly name: string;
  readonly gzipBytes: number;
  /** Names of the files this one loads at once. */
  readonly imports: readonly string[];
  readonly isEntry: boolean;
}

/** The sentence for each budget that is broken; empty when all are kept. */
export function brokenBudgets(files: readonly EmittedFile[]): string[] {
  const initial = closure(files);
  const kb = (list: readonly EmittedFile[], end: string) =>
    list.filter((f) => f.name.endsWith(end)).reduce((sum, f) => sum + f.gzipBytes, 0) / 1000;
  const over = (what: string, actual: number, max: number) =>
    actual <= max ? [] : [`${what} is ${actual.toFixed(1)} kB gzip, at most ${max} kB is allowed`];
  const first = files.filter((f) => initial.has(f.name));
  const lazy = files.filter((f) => !initial.has(f.name) && f.name.endsWith(".js"));
  return [
    ...over("initial JavaScript", kb(first, ".js"), budgets.initialScriptKbMax),
    ...over("initial CSS", kb(first, ".css"), budgets.initialStyleKbMax),
    ...lazy.flatMap((f) => over(f.name, f.gzipBytes / 1000, budgets.lazyChunkKbMax)),
    ...over("JavaScript of all pages", kb(files, ".js"), budgets.allScriptKbMax),
  ];
}

/** Entries and everything they load at once. */
function closure(files: readonly EmittedFile[]): Set<string> {
  const byName = new Map(files.map((f) => [f.name, f]));
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const next of byName.get(name)?.imports ?? []) visit(next);
  };
  for (const file of files) if (file.isEntry) visit(file.name);
  return seen;
}

/** Fails the build when a budget is broken and prints what the first page weighs. */
export function keepBudgets(): Plugin {
  return {
    name: "keep-budgets",
    apply: "build",
    generateBundle(_options, bundle) {
      const files = Object.values(bundle).map((file): EmittedFile => {
        const source = file.type === "chunk" ? file.code : file.source;
        const styles = file.type === "chunk" ? [...(file.viteMetadata?.importedCss ?? [])] : [];
        return {
          name: file.fileName,
          gzipBytes: gzipSync(source).length,
          imports: file.type === "chunk" ? [...file.imports, ...styles] : [],
          isEntry: file.type === "chunk" && file.isEntry,
        };
      });
      const first = closure(files);
      const sum = (end: string) =>
        files
          .filter((f) => first.has(f.name) && f.name.endsWith(end))
          .reduce((n, f) => n + f.gzipBytes, 0);
      console.log(
        `first page: ${(sum(".js") / 1000).toFixed(1)} kB script, ${(sum(".css") / 1000).toFixed(1)} kB style (gzip)`,
      );
      const broken = brokenBudgets(files);
      if (broken.length > 0) this.error(broken.join("\n"));
    },
  };
}
