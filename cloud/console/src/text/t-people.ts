import { catalogue } from "./catalogue.ts";
import { enPeople } from "./en-people.ts";

/** Sentences of settings and audit. */
export const tp = catalogue(enPeople);
