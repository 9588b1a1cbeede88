/**
 * Tries models out in a process of their own, one after another. A hostile or broken model can end
 * or hang that process; here it becomes a sentence, and the server goes on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { AppError } from "@fieldloop/shared/errors";
import { memorySentence } from "./trial.ts";
import {
  refused,
  type Trial,
  type TrialReport,
  type TrialRequest,
  trialReport,
} from "./trial-messages.ts";

export interface TrialBounds {
  /** From start to answer; after it the process is killed. */
  readonly trialMsMax: number;
  /** Memory of the process beyond what the model's own size explains. */
  readonly memoryBytesMax: number;
  /** Trials that may wait for their turn; a further one is refused at once. */
  readonly waitingMax: number;
}

export const defaultTrialBounds: TrialBounds = {
  trialMsMax: 60_000,
  memoryBytesMax: 1024 * 1024 * 1024,
  waitingMax: 16,
};

/** What is kept of the process's error output, to tell why it ended. */
const stderrCharsMax = 4000;
/** The file is held as bytes, as parsed weights, and as what ONNX Runtime packs them into. */
const copiesOfModel = 4;

/** Always what was built, also where this file runs from source: the other process is plain Node. */
function builtProgram(): string {
  return createRequire(import.meta.url).resolve("@fieldloop/cloud/models/registry/trial-run");
}

/** @returns a function that tries one model after another, each within the bounds */
export function createTrialRunner(
  bounds: TrialBounds = defaultTrialBounds,
  program: () => string = builtProgram,
): Trial {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  return async (request) => {
    if (waiting > bounds.waitingMax)
      throw new AppError({
        code: "trials-busy",
        status: 503,
        retryable: true,
        message: `${waiting} models wait to be tried out already; push again in a minute`,
      });
    waiting++;
    const turn = last.then(() => runOnce(request, bounds, program()));
    last = turn.catch(() => undefined); // the caller hears of it; the next one goes on
    try {
      return await turn;
    } finally {
      waiting--;
    }
  };
}

async function runOnce(
  request: TrialRequest,
  bounds: TrialBounds,
  program: string,
): Promise<TrialReport> {
  const { size } = await stat(request.modelPath);
  const child = start(program, bounds, size);
  const timer = setTimeout(() => child.kill("SIGKILL"), bounds.trialMsMax);
  const end = listen(child);
  child.send(request, () => {}); // where it has ended already, its exit says so
  const outcome = await end;
  clearTimeout(timer);
  child.kill("SIGKILL"); // it has answered or is gone; ONNX Runtime needs no goodbye
  if (outcome.kind === "ended") return refused("model", endedSentence(outcome, bounds));
  const parsed = trialReport.safeParse(outcome.message);
  return parsed.success
    ? parsed.data
    : refused("model", "the trial run gave an answer that cannot be read; the model is damaged");
}

/** The shell sets the limits, since Node cannot set them for a child. */
const underLimits = 'ulimit -d "$1"; ulimit -t "$2"; shift 2; exec "$@"';

function start(program: string, bounds: TrialBounds, modelBytes: number): ChildProcess {
  const memoryKb = Math.ceil((bounds.memoryBytesMax + copiesOfModel * modelBytes) / 1024);
  const cpuS = Math.ceil((2 * bounds.trialMsMax) / 1000);
  const node = [process.execPath, "--max-old-space-size=512", program];
  const { PATH = "", TMPDIR = "/tmp" } = process.env;
  return spawn("/bin/sh", ["-c", underLimits, "sh", String(memoryKb), String(cpuS), ...node], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { PATH, TMPDIR, MALLOC_ARENA_MAX: "2" }, // no secrets of the server
  });
}

interface Ended {
  readonly kind: "ended";
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

function listen(child: ChildProcess): Promise<Ended | { kind: "answered"; message: unknown }> {
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-stderrCharsMax);
  });
  return new Promise((resolve) => {
    child.once("message", (message) => resolve({ kind: "answered", message }));
    child.once("error", (error) =>
      resolve({ kind: "ended", code: null, signal: null, stderr: error.message }),
    );
    child.once("close", (code, signal) => resolve({ kind: "ended", code, signal, stderr }));
  });
}

function endedSentence({ code, signal, stderr }: Ended, bounds: TrialBounds): string {
  if (signal === "SIGKILL" || signal === "SIGXCPU")
    return `the trial run did not finish within ${bounds.trialMsMax / 1000} s and was stopped; the model is too large for one picture, or it never ends`;
  if (/out of memory|bad_?alloc|allocation failed/i.test(stderr)) return memorySentence;
  const how = signal ?? `exit code ${code}`;
  return `the trial run ended with ${how} before it had an answer; ONNX Runtime cannot run this model: export it again, with another opset if need be`;
}
