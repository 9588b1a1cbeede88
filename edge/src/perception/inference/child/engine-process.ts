/** One life of an engine: a program that is asked one thing at a time and may end or hang at any. */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { type Child, type Ending, startChild } from "../../../platform/child.ts";
import {
  type EngineHead,
  type EngineMessage,
  encodeHead,
  MessageReader,
  protocolVersion,
} from "./messages.ts";
import type { ProcessEngineSettings } from "./settings.ts";

/** An answer of one kind. */
export type Answer<Type extends EngineHead["type"]> = EngineMessage & {
  readonly head: Extract<EngineHead, { readonly type: Type }>;
};

interface Question {
  readonly id: number | null;
  readonly resolve: (message: EngineMessage) => void;
  readonly reject: (error: Error) => void;
}

export class EngineProcess {
  /** What it calls itself. */
  name = "engine";
  /** Settles when it has ended, and why that was; `null` where it was told to. Never rejects. */
  readonly ended: Promise<AppError | null>;
  readonly #child: Child;
  readonly #program: string;
  #question: Question | undefined;
  #lastId = 0;
  #reason: AppError | undefined;
  #closing = false;

  /** Use `EngineProcess.start`. */
  constructor(child: Child, program: string) {
    this.#child = child;
    this.#program = program;
    const reader = new MessageReader((message) => this.#heard(message));
    child.output.on("data", (chunk: Buffer) => {
      try {
        if (this.#reason === undefined) reader.push(chunk);
      } catch (error) {
        this.#giveUp(error instanceof AppError ? error : this.#crashed(messageOf(error)));
      }
    });
    this.ended = child.ended.then((ending) => this.#over(ending));
  }

  /**
   * Starts the program and waits for its hello.
   * @throws AppError where it cannot be started, ends, hangs or says something else
   */
  static async start(settings: ProcessEngineSettings): Promise<EngineProcess> {
    const [program, ...args] = settings.run;
    if (program === undefined) throw new Error("an engine has a program"); // by its schema
    const child = await startChild({
      command: [program, ...args],
      fd: 3,
      input: true,
      environment: settings.env,
    });
    const engine = new EngineProcess(child, settings.run.slice(0, 2).join(" "));
    const hello = await engine.#answerTo("hello", null, settings.startMsMax);
    if (hello.head.protocol !== protocolVersion) {
      throw await engine.#refuse(
        `speaks protocol ${hello.head.protocol}; this agent speaks ${protocolVersion}`,
      );
    }
    engine.name = hello.head.name;
    return engine;
  }

  /**
   * Asks one thing; callers wait for one answer before the next question.
   * @throws AppError `engine-hung` (it is taken away), `engine-crashed`, `engine-protocol`, or what the
   *   engine says is wrong
   */
  ask<Type extends "opened" | "result">(
    type: Type,
    head: object,
    payload: Uint8Array,
    timeoutMs: number,
  ): Promise<Answer<Type>> {
    const id = ++this.#lastId;
    const answer = this.#answerTo(type, id, timeoutMs);
    this.#child.input?.write(encodeHead({ ...head, id }, payload.length));
    if (payload.length > 0) this.#child.input?.write(payload);
    return answer;
  }

  /** Asks it to end, and sees to it. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#child.input?.end(encodeHead({ type: "close" }, 0));
    await this.#child.stop();
  }

  async #answerTo<Type extends EngineHead["type"]>(
    type: Type,
    id: number | null,
    timeoutMs: number,
  ): Promise<Answer<Type>> {
    const message = await this.#wait(id, timeoutMs);
    if (message.head.type === "error") {
      const { code, message: said } = message.head;
      throw new AppError({ code, message: `the engine ${this.name}: ${said}`, status: 422 });
    }
    if (message.head.type !== type) {
      throw await this.#refuse(`answered "${message.head.type}" and not "${type}"`);
    }
    return message as Answer<Type>; // just looked at
  }

  #wait(id: number | null, timeoutMs: number): Promise<EngineMessage> {
    if (this.#reason !== undefined) return Promise.reject(this.#reason);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(this.#hung(timeoutMs)), timeoutMs);
      this.#question = {
        id,
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
    });
  }

  #heard(message: EngineMessage): void {
    const question = this.#question;
    const id = "id" in message.head ? message.head.id : null;
    if (question === undefined || question.id !== id) {
      this.#giveUp(this.#crashed(`answered what nobody asked (${message.head.type} ${id})`));
      return;
    }
    this.#question = undefined;
    question.resolve(message);
  }

  /** Whatever it does now is of no use. */
  #giveUp(reason: AppError): void {
    this.#reason ??= reason;
    this.#question?.reject(this.#reason);
    this.#question = undefined;
    void this.#child.kill();
  }

  async #refuse(what: string): Promise<AppError> {
    this.#giveUp(this.#crashed(what));
    return this.#reason ?? this.#crashed(what);
  }

  #over({ code, signal }: Ending): AppError | null {
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    const words = this.#child.lastWords;
    this.#reason ??= this.#crashed(words === "" ? how : `${how}: ${words}`);
    this.#question?.reject(this.#reason);
    this.#question = undefined;
    return this.#closing ? null : this.#reason;
  }

  #crashed(what: string): AppError {
    const message = `the engine ${this.#program} ${what}`;
    return new AppError({ code: "engine-crashed", message, retryable: true, status: 503 });
  }

  #hung(timeoutMs: number): AppError {
    const message = `the engine ${this.#program} did not answer within ${timeoutMs} ms and is started again`;
    return new AppError({ code: "engine-hung", message, retryable: true, status: 503 });
  }
}
