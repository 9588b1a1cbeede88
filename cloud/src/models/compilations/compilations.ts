import { mkdir, rm } from "node:fs/promises";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { appendAudit } from "../../platform/ledger/store.ts";
import { registerVersion } from "../registry/register.ts";
import type { Push } from "../registry/registry.ts";
import type { Trial } from "../registry/trial-messages.ts";
import { announce } from "./announce.ts";
import { make, registrationSentence, type Workshop } from "./attempt.ts";
import { type Job, keptDays } from "./compilation.ts";
import { recover } from "./recover.ts";
import { createCompileRunner } from "./run-compile.ts";
import {
  cancelOpen,
  claimNext,
  endCompilation,
  expireCompilations,
  findCompilation,
  requeue,
} from "./store.ts";

export interface CompilationsOptions extends Omit<Workshop, "run"> {
  readonly trial: Trial;
  /** Default: in a process of its own. */
  readonly run?: Workshop["run"];
}

const dayMs = 86_400_000;
/** After something that is not the compilation's fault. */
const pauseMs = 15_000;

interface Current {
  readonly id: string;
  readonly abort: AbortController;
  /** Present from the moment when cancelling comes too late; settles with the compilation. */
  registered: Promise<void> | undefined;
}

/** Works the queue of compilations off, one at a time, oldest first. */
export class Compilations {
  readonly #workshop: Workshop;
  readonly #trial: Trial;
  readonly #hows = new Map<string, string>();
  #current: Current | undefined;
  #work: Promise<void> | undefined;
  #more = false;
  #stopped = true;
  #pause: NodeJS.Timeout | undefined;
  #daily: NodeJS.Timeout | undefined;

  constructor({ trial, run = createCompileRunner(), ...workshop }: CompilationsOptions) {
    this.#workshop = { ...workshop, run };
    this.#trial = trial;
  }

  /** Takes up what a server before this one left behind. */
  async start(): Promise<void> {
    const { folder } = this.#workshop;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await this.#expire();
    this.#daily = setInterval(() => void this.#expire(), dayMs);
    this.#stopped = false;
    this.kick();
  }

  /** Something waits: begins it unless another one runs. */
  kick(): void {
    if (this.#stopped) return;
    this.#more = true;
    clearTimeout(this.#pause);
    this.#work ??= this.#workOff().finally(() => {
      this.#work = undefined;
      if (this.#more) this.kick();
    });
  }

  /**
   * Cancels one that waits or runs; one that has ended, or is being registered, stays as it is.
   * @throws AppError 404 where there is none with this id
   */
  async cancel(id: string, by: string): Promise<void> {
    const { platform } = this.#workshop;
    const known = await findCompilation(platform.db, id);
    if (known === undefined) throw noSuchCompilation(id);
    const cancelled = await platform.db.transaction().execute(async (tx) => {
      const now = platform.now();
      if (!(await cancelOpen(tx, id, now))) return false;
      const subject = `model:${known.name}@${known.version}`;
      const detail = { compilation: id };
      await appendAudit(tx, { actor: by, act: "compilations:cancel", subject, detail }, now);
      return true;
    });
    if (this.#current?.id === id) {
      if (cancelled) this.#current.abort.abort();
      else await this.#current.registered; // so that whoever looks next sees how it ended
    }
    if (cancelled) await announce(platform, id);
  }

  /** Ends the process that compiles and puts its compilation back to be begun again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#more = false;
    clearTimeout(this.#pause);
    clearInterval(this.#daily);
    this.#current?.abort.abort();
    await this.#work;
  }

  /** Settles when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  async #workOff(): Promise<void> {
    const { platform } = this.#workshop;
    try {
      while (!this.#stopped) {
        this.#more = false;
        await recover(platform, this.#hows);
        this.#hows.clear();
        const job = await claimNext(platform.db);
        if (job === undefined) return;
        await this.#attempt(job);
      }
    } catch (err) {
      this.#more = false;
      platform.log.error({ err }, "compilations pause, and go on in a moment");
      if (!this.#stopped) this.#pause = setTimeout(() => this.kick(), pauseMs);
    }
  }

  async #attempt(job: Job): Promise<void> {
    const { platform } = this.#workshop;
    const { id } = job.view;
    const current: Current = { id, abort: new AbortController(), registered: undefined };
    this.#current = current;
    try {
      await announce(platform, id);
      if (this.#stopped) return await this.#putBack(id);
      const made = await make(this.#workshop, job, current.abort.signal);
      if (made.kind === "made") {
        const registered = this.#register(job, made.push);
        current.registered = registered.catch(() => undefined);
        await registered;
      } else if (made.kind === "failed") await this.#end(id, made.error);
      else if (made.kind === "broken-off")
        this.#hows.set(id, made.how); // recovered before the next one
      else if (this.#stopped) await this.#putBack(id);
    } catch (error) {
      this.#hows.set(id, `the server met this: ${messageOf(error)}`);
      throw error;
    } finally {
      this.#current = undefined;
    }
  }

  async #register(job: Job, push: Push): Promise<void> {
    const { id, createdBy } = job.view;
    try {
      await registerVersion(this.#workshop.platform, this.#trial, push, createdBy);
    } catch (error) {
      if (!(error instanceof AppError)) throw error; // begun again, a bounded number of times
      if (!error.retryable) return await this.#end(id, registrationSentence(error));
      await this.#putBack(id);
      throw error;
    }
    await this.#end(id, null);
  }

  async #end(id: string, error: string | null): Promise<void> {
    const { platform } = this.#workshop;
    const state = error === null ? "succeeded" : "failed";
    await endCompilation(platform.db, id, { state, error }, platform.now());
    await announce(platform, id);
  }

  /** Where it was not the compilation's fault, the attempt does not count. */
  async #putBack(id: string): Promise<void> {
    const { platform } = this.#workshop;
    await requeue(platform.db, id, { counts: false });
    await announce(platform, id);
  }

  async #expire(): Promise<void> {
    const { db, now, log } = this.#workshop.platform;
    await expireCompilations(db, new Date(now() - keptDays * dayMs)).catch((err) =>
      log.warn({ err }, "old compilations stay until tomorrow"),
    );
  }
}

export function noSuchCompilation(id: string): AppError {
  return new AppError({
    code: "no-such-compilation",
    status: 404,
    message: `there is no compilation ${id}; those older than ${keptDays} days are forgotten`,
  });
}
