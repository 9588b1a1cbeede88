import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { keepBudgets } from "./build/budgets.ts";
import { precompress } from "./build/precompress.ts";

const outDir = fileURLToPath(new URL("dist", import.meta.url));
const shared = fileURLToPath(new URL("../../shared/src/", import.meta.url));
/** Where a cloud listens while the console is worked on. */
const cloud = process.env.FIELDLOOP_URL ?? "http://127.0.0.1:8080";

/** Building a schema changes nothing else, so a page carries only what it checks. `z.config` does. */
const schemaBuilders = [
  "_default",
  "array",
  "boolean",
  "coerce.number",
  "discriminatedUnion",
  "enum",
  "gt",
  "gte",
  "int",
  "int32",
  "intersection",
  "literal",
  "lt",
  "lte",
  "maxLength",
  "minLength",
  "nonnegative",
  "null",
  "nullable",
  "number",
  "object",
  "optional",
  "partial",
  "positive",
  "record",
  "refine",
  "regex",
  "strictObject",
  "string",
  "trim",
  "tuple",
  "union",
  "unknown",
].map((name) => `z.${name}`);

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [react(), keepBudgets(), precompress(outDir)],
  // Shared from its sources, so that no build order is needed. The condition "source" would do the
  // same for foreign packages that publish theirs.
  resolve: { alias: [{ find: /^@fieldloop\/shared\/(.*)$/, replacement: `${shared}$1.ts` }] },
  server: { proxy: { "/api": cloud } },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2023",
    // Nothing inline: the server's content security policy allows the page's own files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { treeshake: { manualPureFunctions: [...schemaBuilders, "endpoint"] } },
  },
});
