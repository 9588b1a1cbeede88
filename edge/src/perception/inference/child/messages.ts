/**
 * What agent and engine say to each other: `deploy/engines/PROTOCOL.md`. A message is a head of twelve
 * bytes (`FLE1`, length of the JSON, length of the payload; little-endian), JSON, and a payload.
 */
import { AppError } from "@fieldloop/shared/errors";
import * as z from "zod/mini";

export const protocolVersion = 1;
export const messageLimits = {
  jsonBytesMax: 1024 * 1024,
  payloadBytesMax: 256 * 1024 * 1024,
} as const;

const magic = Buffer.from("FLE1");
const headBytes = 12;

const text = z.string().check(z.maxLength(1000));
const tensor = z.object({
  name: z.string().check(z.minLength(1), z.maxLength(256)),
  dims: z.array(z.int().check(z.gte(0))).check(z.maxLength(8)),
});
const answer = { id: z.int() };

/** What an engine says. */
const fromEngine = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), protocol: z.int(), name: text, version: text }),
  z.object({
    ...answer,
    type: z.literal("opened"),
    /** What really runs the model, such as `cuda` or `cpu`. */
    provider: text,
    outputs: z.array(tensor).check(z.minLength(1), z.maxLength(64)),
  }),
  z.object({
    ...answer,
    type: z.literal("result"),
    outputs: z.array(tensor).check(z.maxLength(64)),
  }),
  z.object({ ...answer, type: z.literal("error"), code: text, message: text }),
]);
export type EngineHead = z.infer<typeof fromEngine>;

export interface EngineMessage {
  readonly head: EngineHead;
  /** Valid until the next message. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Head and JSON of a message; the payload follows as it is. */
export function encodeHead(head: object, payloadBytes: number): Buffer {
  const json = Buffer.from(JSON.stringify(head));
  const message = Buffer.alloc(headBytes + json.length);
  magic.copy(message);
  message.writeUInt32LE(json.length, 4);
  message.writeUInt32LE(payloadBytes, 8);
  json.copy(message, headBytes);
  return message;
}

/** Puts messages together from what a pipe delivers. Large payloads are copied once, into one buffer. */
export class MessageReader {
  readonly #onMessage: (message: EngineMessage) => void;
  /** Head and JSON as far as they have come. */
  #start = Buffer.alloc(0);
  #payload: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #filled = 0;
  #head: EngineHead | undefined;

  constructor(onMessage: (message: EngineMessage) => void) {
    this.#onMessage = onMessage;
  }

  /** @throws AppError `engine-protocol` where it is no message; the pipe is of no use then */
  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0)
      rest = this.#head === undefined ? this.#readHead(rest) : this.#fill(rest);
  }

  #readHead(chunk: Uint8Array): Uint8Array {
    const before = this.#start.length;
    const start = Buffer.concat([this.#start, chunk]);
    const lengths = lengthsOf(start);
    const end = headBytes + (lengths?.json ?? messageLimits.jsonBytesMax);
    if (lengths === undefined || start.length < end) {
      this.#start = start;
      return chunk.subarray(chunk.length);
    }
    this.#start = Buffer.alloc(0);
    this.#head = readJson(start.subarray(headBytes, end));
    this.#filled = 0;
    if (this.#payload.length !== lengths.payload) this.#payload = new Uint8Array(lengths.payload);
    this.#finish();
    return chunk.subarray(end - before);
  }

  #fill(chunk: Uint8Array): Uint8Array {
    const wanted = this.#payload.length - this.#filled;
    this.#payload.set(chunk.subarray(0, wanted), this.#filled);
    this.#filled += Math.min(wanted, chunk.length);
    this.#finish();
    return chunk.subarray(wanted);
  }

  #finish(): void {
    const head = this.#head;
    if (head === undefined || this.#filled < this.#payload.length) return;
    this.#head = undefined;
    this.#onMessage({ head, payload: this.#payload });
  }
}

function lengthsOf(start: Buffer): { readonly json: number; readonly payload: number } | undefined {
  const begins = start.subarray(0, magic.length);
  if (!begins.equals(magic.subarray(0, begins.length))) {
    throw wrong(`it wrote ${JSON.stringify(begins.toString("latin1"))} where a message begins`);
  }
  if (start.length < headBytes) return undefined;
  const [json, payload] = [start.readUInt32LE(4), start.readUInt32LE(8)];
  if (json > messageLimits.jsonBytesMax || payload > messageLimits.payloadBytesMax) {
    throw wrong(`a message of ${json} and ${payload} bytes is larger than allowed`);
  }
  return { json, payload };
}

function readJson(bytes: Buffer): EngineHead {
  try {
    return fromEngine.parse(JSON.parse(bytes.toString("utf8")));
  } catch {
    throw wrong(`it wrote ${JSON.stringify(bytes.toString("utf8", 0, 80))}, which is no message`);
  }
}

function wrong(what: string): AppError {
  return new AppError({
    code: "engine-protocol",
    message: `the engine does not keep to the protocol: ${what}; nothing else may be written to descriptor 3`,
    retryable: true,
  });
}
