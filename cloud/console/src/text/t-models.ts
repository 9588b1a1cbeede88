import { catalogue } from "./catalogue.ts";
import { enModels } from "./en-models.ts";

/** Sentences of the model pages. */
export const tm = catalogue(enModels);
