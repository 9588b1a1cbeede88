import { catalogue } from "./catalogue.ts";
import { enDevices } from "./en-devices.ts";

/** Sentences of the device pages and of enrolment. */
export const td = catalogue(enDevices);
