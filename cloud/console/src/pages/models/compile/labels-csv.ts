/** Reads labels.csv as the command line does: lines `file,label`. Pure. */
import { tc } from "../../../text/t-compile.ts";

export type Labels =
  | { readonly kind: "labels"; readonly of: ReadonlyMap<string, string> }
  | { readonly kind: "problem"; readonly sentence: string };

/**
 * @param pictures names of the pictures that were chosen
 * @param classes the model's classes; empty where they are not known here, and the server checks them
 */
export function readLabels(
  text: string,
  pictures: ReadonlySet<string>,
  classes: readonly string[],
): Labels {
  const of = new Map<string, string>();
  for (const [i, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trim();
    if (line === "" || (i === 0 && /^(file|image|name),label$/i.test(line))) continue;
    const comma = line.lastIndexOf(",");
    const file = unquoted(line.slice(0, Math.max(0, comma)));
    const label = unquoted(line.slice(comma + 1));
    const n = i + 1;
    if (comma < 1 || file === "" || label === "") return problem(tc("labels.form", { line: n }));
    if (of.has(file)) return problem(tc("labels.twice", { line: n, file }));
    if (!pictures.has(file)) return problem(tc("labels.noPicture", { line: n, file }));
    if (classes.length > 0 && !classes.includes(label))
      return problem(tc("labels.noClass", { line: n, label, classes: shown(classes) }));
    of.set(file, label);
  }
  return of.size === 0 ? problem(tc("labels.empty")) : { kind: "labels", of };
}

const shownMax = 10;

function shown(classes: readonly string[]): string {
  const rest = classes.length - shownMax;
  const first = classes.slice(0, shownMax).join(", ");
  return rest > 0 ? tc("labels.andMore", { first, n: rest }) : first;
}

const problem = (sentence: string): Labels => ({ kind: "problem", sentence });

function unquoted(text: string): string {
  return text
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .trim();
}
