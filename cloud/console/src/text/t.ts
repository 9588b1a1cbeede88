import { catalogue } from "./catalogue.ts";
import { enShell } from "./en-shell.ts";

export type TextKey = keyof typeof enShell;

/** Sentences of the shell and words of every page; those of an area come with its pages. */
export const t = catalogue(enShell);
