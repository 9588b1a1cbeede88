import { catalogue } from "./catalogue.ts";
import { enDevices } from "./en-devices.ts";
import { enShell } from "./en-shell.ts";

const sentences = { ...enShell, ...enDevices } as const;
export type TextKey = keyof typeof sentences;

/** Sentences of the shell and of the devices; those of other areas come with their pages. */
export const t = catalogue(sentences);
