/**
 * Carries a device from the model it runs to the one that is wanted. `plan.ts` says what comes next;
 * here each step is done, noted in the journal, and asked about again.
 *
 * Invariants
 * - The engine never gets a file whose digest is not the manifest's.
 * - The pointer moves only after the new model has answered its golden questions.
 * - The slot that the pointer names as previous is kept until the next update has proved itself.
 * - What was given up is not tried again until another model is wanted.
 */
import { join } from "node:path";
import { backoffMs } from "@fieldloop/shared/backoff";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { UpdatePhase } from "@fieldloop/shared/messages/control";
import { downloadBlob } from "./download.ts";
import { beginJournal, type Journal, readJournal, type Target, writeJournal } from "./journal.ts";
import { nextStep, noProgress, type Progress, type Step } from "./plan.ts";
import type { Outcome, UpdaterOptions } from "./ports.ts";
import { type Slot, Slots } from "./slots.ts";
import { passedOverText } from "./variant.ts";

export class Updater {
  readonly #options: UpdaterOptions;
  readonly #slots: Slots;
  #target: Target | null = null;
  #journal: Journal | undefined;
  #active: Slot | null = null;
  #wake: (() => void) | undefined;
  /** Something has changed since the last look. */
  #news = false;
  #abort = new AbortController();
  #running: Promise<void> | undefined;
  #stopped = false;
  #failures = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #live = { results: 0, failures: 0 };
  #bytes = { done: 0, total: 0 };

  constructor(options: UpdaterOptions) {
    this.#options = options;
    const { files, folder, profile } = options;
    this.#slots = new Slots({ files, folder, profile });
  }

  /** The slot that runs. */
  get active(): Slot | null {
    return this.#active;
  }

  /** The update under way or the last one. */
  get update(): Journal | undefined {
    return this.#journal;
  }

  /** Loads the model used last and begins to work towards the target. */
  async start(): Promise<void> {
    this.#journal = await readJournal(this.#options.files, this.#journalPath);
    if (this.#journal?.progress.probation === "running")
      await this.#note({ progress: { probationStarts: this.#progress.probationStarts + 1 } });
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#abort.abort();
    this.#poke();
    await this.#running;
  }

  /** Says which model is wanted; `null` leaves what is. A download under way for another one ends. */
  setTarget(target: Target | null): void {
    if (target?.manifest === this.#target?.manifest) return;
    this.#target = target;
    this.#failures = 0;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#poke();
  }

  /** Hears how the active model does on live frames; decides probation. */
  live(ok: boolean): void {
    if (this.#journal?.progress.probation !== "running" || this.#active === null) return;
    if (this.#active.digest !== this.#journal.target.manifest) return;
    if (ok) this.#live.results++;
    else this.#live.failures++;
    const { probationFailuresMax, probationResults } = this.#options.limits;
    if (this.#live.failures > probationFailuresMax || this.#live.results >= probationResults)
      this.#poke();
  }

  #poke(): void {
    this.#news = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#news = false;
      let step: Step | undefined;
      try {
        step = await this.#next();
        await this.#execute(step);
        this.#failures = 0;
      } catch (error) {
        await this.#failed(step, error);
      }
      if (step?.kind === "none" && !this.#news) await this.#sleep(undefined);
    }
  }

  async #next(): Promise<Step> {
    const target = this.#target;
    if (target !== null && this.#journal?.target.manifest !== target.manifest)
      await this.#save(beginJournal(target, this.#options.clock.now()));
    await this.#judgeProbation();
    const { current, previous } = await this.#slots.pointer();
    const digest = target?.manifest ?? null;
    const moving = digest !== null && digest !== current && !this.#progress.givenUp;
    const slot = moving ? await this.#slots.facts(digest) : { manifest: true, missing: [] };
    const loaded = this.#active?.digest ?? null;
    return nextStep({ current, previous, loaded, slot, progress: this.#progress }, digest);
  }

  async #judgeProbation(): Promise<void> {
    if (this.#progress.probation !== "running") return;
    const { probationFailuresMax, probationResults } = this.#options.limits;
    if (this.#live.failures > probationFailuresMax)
      await this.#note({ progress: { probation: "failed" } });
    else if (this.#live.results >= probationResults)
      await this.#note({ progress: { probation: "passed" } });
  }

  async #execute(step: Step): Promise<void> {
    if (step.kind === "none") return;
    if (step.kind === "fetch-manifest") return this.#fetchManifest();
    if (step.kind === "fetch-blob") return this.#fetch(step.blob, step.blob.digest);
    if (step.kind === "try") return this.#try();
    if (step.kind === "load-current") return this.#loadCurrent();
    if (step.kind === "restore") return this.#restore(step.reason);
    if (step.kind === "give-up") return this.#giveUp(step.reason);
    await this.#finish();
  }

  async #fetchManifest(): Promise<void> {
    const { manifest, manifestBytes } = this.#wanted();
    await this.#fetch({ digest: manifest, bytes: manifestBytes }, "manifest.json");
  }

  async #fetch(blob: { digest: string; bytes: number }, name: string): Promise<void> {
    const { files, source, limits } = this.#options;
    const { manifest } = this.#wanted();
    if (source === null)
      throw new AppError({ code: "no-cloud", message: "there is no cloud to download from" });
    const bytesTotal = Math.max(blob.bytes, await this.#slots.bytesTotal(manifest));
    const before = bytesTotal - (await this.#bytesMissing(manifest, blob.bytes));
    this.#bytes = { done: before, total: bytesTotal };
    await this.#note({ phase: "downloading", reason: null });
    const outcome = await downloadBlob({
      files,
      url: source.urlOf(blob.digest),
      credential: source.credential,
      blob,
      path: this.#slots.path(manifest, name),
      signal: this.#abort.signal,
      timeoutMs: limits.downloadTimeoutMs,
      onBytes: (done) => {
        this.#bytes = { done: before + done, total: bytesTotal };
        this.#tell(false);
      },
    });
    if (outcome.kind === "done") return;
    this.#options.log.warn(outcome.reason);
    const corrupt = this.#progress.corrupt + 1;
    await this.#note({ reason: outcome.reason, progress: { corrupt } });
    await this.#sleep(backoffMs(corrupt, limits, this.#options.random()));
  }

  async #bytesMissing(manifest: string, fallback: number): Promise<number> {
    const { missing } = await this.#slots.facts(manifest);
    return missing.length === 0 ? fallback : missing.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Self-test and switch. Whatever fails here fails the update: the old model never stopped. */
  async #try(): Promise<void> {
    const { manifest, name, version } = this.#wanted();
    await this.#note({ phase: "verifying", reason: null });
    const slot = await this.#slots.open(manifest);
    const testStarts = this.#progress.testStarts + 1;
    await this.#note({ phase: "testing", progress: { testStarts } });
    await this.#options.runtime.load(slot, async (selfTest) => {
      const verdict = await selfTest();
      if (verdict.kind === "fail")
        throw new AppError({
          code: "self-test-failed",
          message: `${name} ${version} failed its self-test: ${verdict.reason}`,
        });
      this.#live = { results: 0, failures: 0 };
      await this.#note({ phase: "switching", progress: { probation: "running" } });
      const { current } = await this.#slots.pointer();
      await this.#slots.setPointer({ current: manifest, previous: current });
    });
    this.#active = slot;
    await this.#sayActive();
  }

  async #sayActive(): Promise<void> {
    const { name, version } = this.#wanted();
    await this.#note({ phase: "active", reason: null });
    const { variant, passedOver = [] } = this.#active ?? {};
    const why =
      passedOver.length === 0 ? "" : ` as ${variant?.kind}: ${passedOverText(passedOver)}`;
    this.#outcome("model-active", `${name} ${version} is active${why}`);
  }

  async #loadCurrent(): Promise<void> {
    const { current, previous } = await this.#slots.pointer();
    if (current === null) return;
    try {
      await this.#load(current);
    } catch (error) {
      await this.#currentFailed(current, previous, messageOf(error));
      return;
    }
    // The agent ended right after the switch and could not say so.
    const isTarget = current === this.#journal?.target.manifest;
    if (isTarget && this.#journal?.phase === "switching") await this.#sayActive();
  }

  /** The model in use cannot be loaded: fall back on the one before, or on none. */
  async #currentFailed(current: string, previous: string | null, reason: string): Promise<void> {
    if (current === this.#journal?.target.manifest && this.#progress.probation === "running") {
      await this.#restore(reason);
      return;
    }
    this.#options.log.error({ reason }, "the current model cannot be used");
    await this.#slots.setPointer({ current: previous, previous: null });
    // The damaged slot is fetched anew where it is still wanted.
    if (this.#target !== null) await this.#save(beginJournal(this.#target, this.#now()));
    this.#outcome("model-damaged", `the model in use cannot be loaded any more: ${reason}`);
  }

  async #load(digest: string): Promise<void> {
    const slot = await this.#slots.open(digest);
    await this.#options.runtime.load(slot, async () => {});
    this.#active = slot;
  }

  /** Goes back to the previous model; the failed one is not tried again. */
  async #restore(reason: string): Promise<void> {
    const { previous } = await this.#slots.pointer();
    const { name, version } = this.#wanted();
    if (previous !== null) await this.#load(previous);
    const back =
      this.#active === null || previous === null
        ? "there is no model to go back to"
        : `${this.#active.manifest.name} ${this.#active.manifest.version} runs again`;
    const message = `${name} ${version} was rolled back: ${reason}; ${back}`;
    // Noted before the pointer moves, or a crash in between would let it try again.
    await this.#note({ phase: "rolled-back", reason: message, progress: { givenUp: true } });
    await this.#slots.setPointer({ current: previous, previous: null });
    this.#outcome("model-rolled-back", message);
    await this.#slots.keepOnly([previous]);
  }

  async #giveUp(reason: string): Promise<void> {
    const { current, previous } = await this.#slots.pointer();
    await this.#note({ phase: "failed", reason, progress: { givenUp: true } });
    this.#outcome("model-failed", reason);
    await this.#slots.keepOnly([current, previous]);
  }

  async #finish(): Promise<void> {
    const { current, previous } = await this.#slots.pointer();
    await this.#note({ progress: { ...noProgress } });
    await this.#slots.keepOnly([current, previous]);
  }

  /** A step threw: later again where that may help, else this model is given up. */
  async #failed(step: Step | undefined, error: unknown): Promise<void> {
    const otherWanted = this.#target?.manifest !== this.#journal?.target.manifest;
    if (this.#stopped || (otherWanted && step !== undefined)) return;
    const { limits, random, log } = this.#options;
    const reason = messageOf(error);
    const code = error instanceof AppError ? error.code : "";
    const mayHelp = error instanceof AppError && error.retryable;
    log.warn({ step: step?.kind, reason }, "the update to another model is held up");
    const towards = ["fetch-manifest", "fetch-blob", "try", undefined].includes(step?.kind);
    try {
      if (code === "slot-damaged")
        await this.#note({ reason, progress: { corrupt: this.#progress.corrupt + 1 } });
      else if (towards && !mayHelp && this.#target !== null) return await this.#giveUp(reason);
      else await this.#note({ reason });
    } catch (again) {
      log.error({ reason: messageOf(again) }, "cannot note where the update stands");
    }
    await this.#sleep(backoffMs(++this.#failures, limits, random()));
  }

  #wanted(): Target {
    const target = this.#journal?.target;
    if (target === undefined) throw new Error("no model is wanted");
    return target;
  }

  get #progress(): Progress {
    return this.#journal?.progress ?? noProgress;
  }

  get #journalPath(): string {
    return join(this.#options.folder, "journal.json");
  }

  async #note(change: {
    readonly phase?: UpdatePhase;
    readonly reason?: string | null;
    readonly progress?: Partial<Progress>;
  }): Promise<void> {
    const old = this.#journal;
    if (old === undefined) return;
    const phase = change.phase ?? old.phase;
    const reason = change.reason === undefined ? old.reason : change.reason;
    const progress = { ...old.progress, ...change.progress };
    await this.#save({ ...old, phase, reason, progress, at: this.#now() });
    if (phase !== old.phase) this.#tell(true);
  }

  async #save(journal: Journal): Promise<void> {
    await writeJournal(this.#options.files, this.#journalPath, journal);
    this.#journal = journal;
  }

  #tell(always: boolean): void {
    const { clock, limits, onProgress } = this.#options;
    const now = clock.monotonicMs();
    if (this.#journal === undefined) return;
    if (!always && now - this.#toldAtMs < limits.progressMsMin) return;
    this.#toldAtMs = now;
    const { target, phase, reason } = this.#journal;
    onProgress({
      v: 1,
      at: clock.now(),
      model: target.name,
      version: target.version,
      phase,
      bytesDone: this.#bytes.done,
      bytesTotal: this.#bytes.total,
      reason: reason?.slice(0, 1000) ?? null,
    });
  }

  #outcome(kind: Outcome["kind"], message: string): void {
    const { name, version } = this.#journal?.target ?? { name: "model", version: "" };
    this.#options.onOutcome({ kind, message, model: `${name}@${version}` });
  }

  #now(): number {
    return this.#options.clock.now();
  }

  /** Waits; a new target, probation's end or a stop ends the wait. */
  #sleep(delayMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = delayMs === undefined ? undefined : setTimeout(() => this.#wake?.(), delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      if (this.#stopped || this.#news) this.#wake();
    });
  }
}
