/** The processes of the demo: started together, restarted when they die, stopped in order. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "@fieldloop/shared/errors";

const restartMs = 1000;
const stopMsMax = 10_000;

export interface ChildPlan {
  readonly name: string;
  /** Path of the program, run by this Node. */
  readonly program: string;
  readonly nodeFlags?: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export class Children {
  readonly #logFolder: string;
  readonly #say: (line: string) => void;
  readonly #running = new Map<string, ChildProcess>();
  #stopping = false;

  constructor(options: { readonly logFolder: string; readonly say: (line: string) => void }) {
    this.#logFolder = options.logFolder;
    this.#say = options.say;
    mkdirSync(options.logFolder, { recursive: true });
  }

  /** Starts a child that is brought back a second after it dies. */
  keep(plan: ChildPlan): void {
    const child = this.#spawn(plan);
    child.once("exit", (code, signal) => {
      if (this.#stopping) return;
      this.#say(`${plan.name} ended (${signal ?? `exit ${code}`}); starting it again`);
      setTimeout(() => {
        if (!this.#stopping) this.keep(plan);
      }, restartMs);
    });
  }

  /**
   * Starts a child once and waits for its first message over the IPC channel.
   * @throws AppError with the last line it wrote when it ends before that
   */
  async startAndHear(plan: ChildPlan, onEnd: () => void): Promise<unknown> {
    const child = this.#spawn(plan);
    let lastLine = "";
    child.stderr?.on("data", (data: Buffer) => {
      lastLine = data.toString().trim().split("\n").at(-1) || lastLine;
    });
    const ended = once(child, "exit").then(() => {
      throw new AppError({ code: "start", message: lastLine || `${plan.name} did not start` });
    });
    const [message] = await Promise.race([once(child, "message"), ended]);
    ended.catch(() => {
      if (!this.#stopping) onEnd();
    });
    return message;
  }

  /** Asks these to stop and waits; after ten seconds they are killed. */
  async stop(names: (name: string) => boolean): Promise<void> {
    this.#stopping = true;
    const chosen = [...this.#running].filter(([name]) => names(name));
    await Promise.all(chosen.map(([, child]) => stopOne(child)));
  }

  #spawn(plan: ChildPlan): ChildProcess {
    const child = spawn(process.execPath, [...(plan.nodeFlags ?? []), plan.program, ...plan.args], {
      env: { ...inherited(process.env), ...plan.env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: true, // Ctrl-C reaches this process only, which then stops the others in order
    });
    const log = createWriteStream(join(this.#logFolder, `${plan.name}.log`), { flags: "a" });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    this.#running.set(plan.name, child);
    child.once("exit", () => {
      log.end();
      if (this.#running.get(plan.name) === child) this.#running.delete(plan.name);
    });
    return child;
  }
}

/**
 * The shell's environment without what would send a demo agent elsewhere: a visitor exports
 * FIELDLOOP_URL for the command line, and an agent obeys the environment before its file.
 */
function inherited(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^FIELDLOOP_(URL|TOKEN|CLAIM_TOKEN|AGENT_.*)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)));
}

async function stopOne(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
  await exit;
  clearTimeout(timer);
}
