/**
 * The process in which one model is compiled: takes one request, tells how far it is, answers once,
 * ends. Started by `run-compile.ts`, which bounds its memory and its time.
 */
import { writeFile } from "node:fs/promises";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import * as z from "zod";
import { compile } from "./compile.ts";
import { type CompileMessage, compileReady, compileRequest } from "./compile-messages.ts";

/** Stages go over every picture; nobody looks more often than this. */
const progressMs = 200;

z.config(z.locales.en());

process.once("disconnect", () => process.exit(1)); // nobody is left to hear the answer
process.once("message", (message) => {
  void answer(message).then((result) => process.send?.(result, () => process.exit(0)));
});
process.send?.(compileReady);

async function answer(message: unknown): Promise<CompileMessage> {
  // Where memory runs out, this process goes first and not the server.
  await writeFile("/proc/self/oom_score_adj", "1000").catch(() => undefined); // Linux only
  try {
    return await compile(compileRequest.parse(message), tell);
  } catch (error) {
    return { kind: "failed", error: sentenceOf(error) };
  }
}

let told: { readonly stage: string; readonly at: number } | undefined;

function tell(message: Extract<CompileMessage, { kind: "progress" | "trial" }>): void {
  if (message.kind === "progress") {
    const { stage, share } = message;
    const now = performance.now();
    if (told?.stage === stage && share < 1 && now - told.at < progressMs) return;
    told = { stage, at: now };
  }
  process.send?.(message, () => undefined); // where the server is gone, so is this process soon
}

function sentenceOf(error: unknown): string {
  const reason = messageOf(error).slice(0, 3900);
  return error instanceof AppError ? reason : `the model cannot be compiled: ${reason}`;
}
