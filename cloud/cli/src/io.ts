import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { AppError } from "@fieldloop/shared/errors";

/** What the command line needs of the world around it; tests pass their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly inIsTty: boolean;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** Writes to standard output, as given. */
  out(text: string): void;
  /** Writes to standard error, as given. */
  err(text: string): void;
  /** Asks on standard error and reads one line; `hidden` does not echo what is typed. */
  ask(question: string, options?: { readonly hidden?: boolean }): Promise<string>;
  /** Unix time in milliseconds. */
  now(): number;
}

/** The process's own streams. */
export function processIo(): Io {
  return {
    env: process.env,
    inIsTty: process.stdin.isTTY === true,
    outIsTty: process.stdout.isTTY === true,
    errIsTty: process.stderr.isTTY === true,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    ask: askProcess,
    now: () => Date.now(),
  };
}

/**
 * Lines of standard input that have been read but not asked for. Piped input arrives all at once,
 * and a second reader would find nothing left.
 */
let pipedLines: string[] | undefined;

async function askProcess(question: string, options: { readonly hidden?: boolean } = {}) {
  process.stderr.write(question);
  if (process.stdin.isTTY === true) return askTerminal(options.hidden === true);
  pipedLines ??= await readPipe();
  const line = pipedLines.shift();
  if (line === undefined) throw inputEnded();
  return line;
}

async function readPipe(): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: process.stdin })) lines.push(line);
  return lines;
}

function askTerminal(hidden: boolean): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({
    input: process.stdin,
    output: hidden ? silent : process.stderr,
    terminal: true,
  });
  return new Promise((resolve, reject) => {
    reader.once("line", (line) => {
      resolve(line);
      reader.close();
    });
    reader.once("SIGINT", () => reader.close());
    reader.once("close", () => {
      if (hidden) process.stderr.write("\n");
      reject(inputEnded()); // does nothing after a line
    });
  });
}

function inputEnded(): AppError {
  return new AppError({ code: "no-answer", message: "stopped: the question was not answered" });
}
