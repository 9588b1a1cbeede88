import { catalogue } from "./catalogue.ts";
import { enBenchmarks } from "./en-benchmarks.ts";

/** Sentences about measurements on devices. */
export const tb = catalogue(enBenchmarks);
