/**
 * A program run as a child: without a shell, in a process group of its own, with an environment that
 * holds no secrets of the agent, and with the end of what it said kept for the reason.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Readable, type Writable } from "node:stream";
import { AppError, assert } from "@fieldloop/shared/errors";

export interface ChildOptions {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** File descriptor that the program writes to: 1, or 3 for programs that chat on 1. */
  readonly fd: 1 | 3;
  /** Whether something is written to its standard input; default: it has none. */
  readonly input?: boolean;
  /** Variables passed on besides those every program gets. */
  readonly environment?: readonly string[];
  /** What to do where the program is missing, such as `install it with: apt install ffmpeg`. */
  readonly hint?: string;
  readonly killMs?: number;
}

/** How a program ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** Variables that programs need and that tell nothing. */
const passedOn =
  /^(PATH|HOME|USER|LANG|LC_.+|TZ|TMPDIR|LD_LIBRARY_PATH|XDG_RUNTIME_DIR|GST_.+|LIBCAMERA_.+)$/;
const tailCharsMax = 4096;
const killMsDefault = 2000;

export class Child {
  readonly output: Readable;
  /** Its standard input, where it has one. What can no longer be written is dropped. */
  readonly input: Writable | null;
  /** Settles when the program and its output have ended. Never rejects. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #killMs: number;
  #tail = "";

  /** @param child just spawned, detached, with pipes; `startChild` makes one */
  constructor(child: ChildProcess, options: ChildOptions) {
    this.#child = child;
    this.#killMs = options.killMs ?? killMsDefault;
    const output = child.stdio[options.fd];
    assert(output instanceof Readable, "the child's output is a pipe");
    this.output = output;
    this.input = child.stdin;
    child.stdin?.on("error", () => undefined); // it has ended, which is told otherwise
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#listen(text));
    // What a chatty program says on 1 is kept like its errors, and never blocks it.
    if (options.fd !== 1) child.stdout?.setEncoding("utf8").on("data", (t) => this.#listen(t));
    this.ended = new Promise((resolve) => {
      child.on("close", (code, signal) => resolve({ code, signal }));
    });
  }

  /** The last line that the program said; empty where it said nothing. */
  get lastWords(): string {
    return (
      this.#tail
        .trimEnd()
        .split(/[\r\n]+/)
        .at(-1)
        ?.trim() ?? ""
    );
  }

  /** Takes the program and all that it started away at once. */
  async kill(): Promise<Ending> {
    this.#takeAway();
    return await this.ended;
  }

  /** Ends the program and all that it started: asks first, and takes it away after `killMs`. */
  async stop(): Promise<Ending> {
    this.#signal("SIGTERM");
    const timer = setTimeout(() => this.#takeAway(), this.#killMs);
    this.output.resume(); // a program that waits for its pipe would not end
    const ending = await this.ended;
    clearTimeout(timer);
    return ending;
  }

  /** Pipes that a runaway grandchild holds open are closed from this side. */
  #takeAway(): void {
    this.#signal("SIGKILL");
    for (const pipe of this.#child.stdio) pipe?.destroy();
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch {
      // The group is gone already.
    }
  }

  #listen(text: string): void {
    this.#tail = (this.#tail + text).slice(-tailCharsMax);
  }
}

/** @throws AppError `source-failed` where the program cannot be started */
export async function startChild(options: ChildOptions): Promise<Child> {
  const [program, ...args] = options.command;
  const child = spawn(program, args, {
    stdio: [
      options.input === true ? "pipe" : "ignore",
      "pipe",
      "pipe",
      ...(options.fd === 3 ? ["pipe" as const] : []),
    ],
    env: environmentOf(process.env, options.environment ?? []),
    detached: true,
  });
  const running = new Child(child, options);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) => reject(cannotStart(program, options.hint, cause)));
  });
  // Signals that cannot be sent any more are no news.
  child.on("error", () => undefined);
  return running;
}

/** The variables of an environment that a child gets. */
export function environmentOf(
  all: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      value !== undefined && (passedOn.test(name) || names.includes(name)) ? [[name, value]] : [],
    ),
  );
}

function cannotStart(program: string, hint: string | undefined, cause: Error): AppError {
  const missing = "code" in cause && cause.code === "ENOENT";
  const advice = hint === undefined ? "" : `; ${hint}`;
  return new AppError({
    code: "source-failed",
    message: missing
      ? `the program ${program} is not installed${advice}`
      : `the program ${program} cannot be started: ${cause.message}`,
    retryable: true,
    cause,
  });
}
