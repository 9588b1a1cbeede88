/**
 * Compiles in a process of its own. A hostile or broken model can end or hang that process; here it
 * becomes an outcome, and the server goes on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import {
  type CompileMessage,
  type CompileRequest,
  type CompileResult,
  compileMessage,
  compileReady,
} from "./compile-messages.ts";

export interface CompileBounds {
  /** From start to answer; after it the process is killed. */
  readonly compileMsMax: number;
  /** Memory of the process beyond what the model's own size explains. */
  readonly memoryBytesMax: number;
}

/** Pictures take up to 1 GiB of it, and the tensors that they become as much again. */
export const defaultCompileBounds: CompileBounds = {
  compileMsMax: 12 * 3_600_000,
  memoryBytesMax: 5 * 1024 ** 3,
};

export type CompileOutcome =
  | CompileResult
  /** It said, or it is plain, that trying again will not help. */
  | { readonly kind: "failed"; readonly error: string }
  /** It ended without an answer. `how` completes "the last time …". */
  | { readonly kind: "broken-off"; readonly how: string }
  | { readonly kind: "stopped" };

export interface CompileTask {
  readonly request: CompileRequest;
  readonly tell: (message: Extract<CompileMessage, { kind: "progress" | "trial" }>) => void;
  /** Kills the process. */
  readonly signal: AbortSignal;
}

export type CompileRunner = (task: CompileTask) => Promise<CompileOutcome>;

const stderrCharsMax = 4000;
/** Bytes, parsed and packed weights, and the same of each file that is made and compared. */
const copiesOfModel = 16;

/** Always what was built, also where this file runs from source: the other process is plain Node. */
const builtProgram = fileURLToPath(
  new URL("../../../dist/models/compilations/compile-run.js", import.meta.url),
);

export function createCompileRunner(
  bounds: CompileBounds = defaultCompileBounds,
  program = builtProgram,
): CompileRunner {
  return async (task) => {
    const { size } = await stat(task.request.modelPath);
    if (task.signal.aborted) return { kind: "stopped" };
    const child = start(program, bounds, size);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, bounds.compileMsMax);
    const kill = () => void child.kill("SIGKILL");
    task.signal.addEventListener("abort", kill);
    const ended = await converse(child, task);
    clearTimeout(timer);
    task.signal.removeEventListener("abort", kill);
    if (ended.answer !== undefined) return ended.answer;
    if (task.signal.aborted) return { kind: "stopped" };
    return late ? tooLong(bounds) : endedOutcome(ended);
  };
}

/** The shell sets the limit, since Node cannot set it for a child. */
const underLimit = 'ulimit -d "$1"; shift; exec "$@"';

function start(program: string, bounds: CompileBounds, modelBytes: number): ChildProcess {
  const memoryKb = Math.ceil((bounds.memoryBytesMax + copiesOfModel * modelBytes) / 1024);
  const node = [process.execPath, "--max-old-space-size=2048", program];
  const { PATH = "", TMPDIR = "/tmp" } = process.env;
  const child = spawn("/bin/sh", ["-c", underLimit, "sh", String(memoryKb), ...node], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { PATH, TMPDIR, MALLOC_ARENA_MAX: "2" }, // no secrets of the server
  });
  try {
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not everywhere may a process do so; the compilation is then as important as the server.
  }
  return child;
}

interface Ended {
  readonly answer: Extract<CompileMessage, { kind: "done" | "failed" }> | undefined;
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** Sends the request once the process is ready, and listens until the process is gone. */
function converse(child: ChildProcess, { request, tell }: CompileTask): Promise<Ended> {
  let stderr = "";
  let answer: Ended["answer"];
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-stderrCharsMax);
  });
  return new Promise((resolve) => {
    const end = (code: number | null, signal: string | null) =>
      resolve({ answer, code, signal, stderr });
    child.on("message", (raw) => {
      if (answer !== undefined) return;
      if (raw === compileReady) return void child.send(request, () => {}); // where it has ended already, its exit says so
      const message = compileMessage.safeParse(raw);
      if (!message.success) stderr = "it said something that cannot be read";
      else if (message.data.kind === "progress" || message.data.kind === "trial")
        return tell(message.data);
      else answer = message.data;
      child.kill("SIGKILL"); // it has answered; ONNX Runtime needs no goodbye
    });
    child.once("error", (error) => {
      stderr = error.message;
      end(null, null);
    });
    child.once("close", end);
  });
}

function tooLong({ compileMsMax }: CompileBounds): CompileOutcome {
  const hours = compileMsMax / 3_600_000;
  return {
    kind: "failed",
    error: `the compilation did not finish within ${hours < 1 ? `${compileMsMax / 1000} s` : `${hours} hours`} and was stopped; compile with fewer pictures, or on another machine with \`fieldloop models compile --out\``,
  };
}

function endedOutcome({ code, signal, stderr }: Ended): CompileOutcome {
  if (/out of memory|bad_?alloc|allocation failed/i.test(stderr))
    return {
      kind: "failed",
      error:
        "the compilation needed more memory than one may use; compile with fewer pictures, or a model with a smaller input or fewer weights",
    };
  const last = stderr.trim().split("\n").at(-1) ?? "";
  const how = `its process ended with ${signal ?? `exit code ${code}`}`;
  return { kind: "broken-off", how: last === "" ? how : `${how}: ${last.slice(0, 300)}` };
}
