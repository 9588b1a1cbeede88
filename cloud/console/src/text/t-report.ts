import { catalogue } from "./catalogue.ts";
import { enReport } from "./en-report.ts";

/** Sentences about what compiling a model found out. */
export const tr = catalogue(enReport);
