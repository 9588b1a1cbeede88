import { catalogue } from "./catalogue.ts";
import { enCompile } from "./en-compile.ts";

/** Sentences about asking for a compilation and watching it. */
export const tc = catalogue(enCompile);
