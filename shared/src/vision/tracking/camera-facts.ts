/** What a camera's facts are, as its configuration says. */

import * as z from "zod/mini";
import { factKinds } from "./events.ts";
import { factsSettings } from "./settings.ts";

export const cameraFactsSettings = z.extend(factsSettings, {
  /**
   * Kinds of events that the cloud is told one by one. All of them are counted in its windows; a row
   * for each object is for lines on which little passes.
   */
  tell: z._default(z.array(z.enum(factKinds)).check(z.maxLength(factKinds.length)), []),
});
export type CameraFactsSettings = z.output<typeof cameraFactsSettings>;
