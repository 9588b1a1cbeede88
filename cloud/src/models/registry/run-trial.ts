/**
 * Tries models out in a process of their own, one after another. A hostile or broken model can end
 * or hang that process; here it becomes a sentence, and the server goes on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AppError } from "@fieldloop/shared/errors";
import { memorySentence } from "./trial.ts";
import {
  refused,
  type Trial,
  type TrialReport,
  type TrialRequest,
  trialReady,
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
const builtProgram = fileURLToPath(
  new URL("../../../dist/models/registry/trial-run.js", import.meta.url),
);

/** @returns a function that tries one model after another, each within the bounds */
export function createTrialRunner(
  bounds: TrialBounds = defaultTrialBounds,
  program: () => string = () => builtProgram,
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
  const outcome = await converse(child, request);
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
  /** Whether it had begun: what fails before is not the model's fault. */
  readonly ready: boolean;
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** Waits until the process is ready, sends the request, and hears its answer or its end. */
function converse(
  child: ChildProcess,
  request: TrialRequest,
): Promise<Ended | { readonly kind: "answered"; readonly message: unknown }> {
  let stderr = "";
  let ready = false;
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-stderrCharsMax);
  });
  return new Promise((resolve) => {
    child.on("message", (message) => {
      if (message !== trialReady) return resolve({ kind: "answered", message });
      ready = true;
      child.send(request, () => {}); // where it has ended already, its exit says so
    });
    child.once("error", (error) =>
      resolve({ kind: "ended", ready, code: null, signal: null, stderr: error.message }),
    );
    child.once("close", (code, signal) => resolve({ kind: "ended", ready, code, signal, stderr }));
  });
}

function endedSentence({ ready, code, signal, stderr }: Ended, bounds: TrialBounds): string {
  if (!ready && signal !== "SIGKILL")
    throw new AppError({
      code: "trial-broken",
      status: 500,
      message: `the trial process did not start (${signal ?? `exit code ${code}`}): ${stderr}`,
    });
  if (signal === "SIGKILL" || signal === "SIGXCPU")
    return `the trial run did not finish within ${bounds.trialMsMax / 1000} s and was stopped; the model is too large for one picture, or it never ends`;
  if (/out of memory|bad_?alloc|allocation failed/i.test(stderr)) return memorySentence;
  const how = signal ?? `exit code ${code}`;
  return `the trial run ended with ${how} before it had an answer; ONNX Runtime cannot run this model: export it again, with another opset if need be`;
}
