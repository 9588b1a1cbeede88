import { catalogue } from "./catalogue.ts";
import { enSamples } from "./en-samples.ts";

/** Sentences of the page Samples. */
export const ts = catalogue(enSamples);
