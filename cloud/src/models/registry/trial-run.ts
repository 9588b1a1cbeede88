/**
 * The process in which one model is tried out: takes one request, answers once, ends. Started by
 * `run-trial.ts`, which bounds its memory and its time.
 */
import { writeFile } from "node:fs/promises";
import { messageOf } from "@fieldloop/shared/errors";
import * as z from "zod";
import { tryModel } from "./trial.ts";
import { refused, trialReady, trialRequest } from "./trial-messages.ts";

z.config(z.locales.en());

process.once("disconnect", () => process.exit(1)); // nobody is left to hear the answer
process.once("message", (message) => {
  void answer(message).then((report) => process.send?.(report, () => process.exit(0)));
});
process.send?.(trialReady);

async function answer(message: unknown) {
  // Where memory runs out, this process goes first and not the server.
  await writeFile("/proc/self/oom_score_adj", "1000").catch(() => undefined); // Linux only
  try {
    return await tryModel(trialRequest.parse(message));
  } catch (error) {
    return refused("model", `the model cannot be tried out: ${messageOf(error)}`);
  }
}
