import { catalogue } from "./catalogue.ts";
import { enCameras } from "./en-cameras.ts";

/** Sentences of the tabs Camera, Pipeline and Hybrid. */
export const tv = catalogue(enCameras);
