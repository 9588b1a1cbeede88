/**
 * The cloud as a device sees it: a real broker (Aedes) and a real HTTP server on loopback, with an
 * ingest that keeps every row once per (epoch, seq) and acknowledges. For tests.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type BenchmarkOrder, benchmarks } from "@fieldloop/shared/contract/benchmarks";
import {
  batchLimits,
  type EventRow,
  eventBatch,
  type ResultRow,
  telemetryBatch,
  toRows,
  type WindowRow,
} from "@fieldloop/shared/messages/telemetry";
import type { DesiredDocument } from "@fieldloop/shared/messages/twin";
import { defaultSettings } from "@fieldloop/shared/messages/twin";
import { downTopic, mayPublish, maySubscribe, parseUpTopic } from "@fieldloop/shared/topics";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { decodePayload } from "@fieldloop/shared-node/wire/payload";
import { Aedes } from "aedes";

const root = "fl";

/** What the cloud does wrong, to be set while it runs. */
export interface Faults {
  /** Denies a publish: Aedes then ends the connection and acknowledges nothing. */
  denyPublish?: (channel: string, message: unknown) => boolean;
  denySubscribe?: boolean;
  /** Stores nothing and acknowledges nothing. */
  deaf?: boolean;
  /** Stores, but its acknowledgements never arrive. */
  mute?: boolean;
  /** Changes the bytes of a blob on their way. */
  corruptBlob?: (digest: string, bytes: Buffer) => Buffer;
  /** Ends the connection after so many bytes of a blob. */
  cutBlobAfterBytes?: number;
}

export class TestCloud {
  readonly root = root;
  readonly credential = "secret-of-the-device";
  readonly claimToken = "claim-me";
  readonly faults: Faults = {};
  readonly events: EventRow[] = [];
  readonly results: ResultRow[] = [];
  readonly windows: WindowRow[] = [];
  readonly online: { online: boolean; boot: string; epoch: number }[] = [];
  readonly states: unknown[] = [];
  readonly ota: { phase: string; reason: string | null; bytesDone: number }[] = [];
  readonly batches: object[] = [];
  readonly previews: { bytes: number; result: unknown }[] = [];
  readonly requests: string[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** Measurements that wait, and what became of the others. */
  readonly orders: BenchmarkOrder[] = [];
  readonly benchmarks: { readonly id: string; readonly end: unknown }[] = [];
  window = 32;
  desired: DesiredDocument = {
    v: 1,
    version: 0,
    model: null,
    settings: { ...defaultSettings },
    scene: {},
    preview: null,
    commissions: {},
  };
  enrolled = 0;
  readonly #seen = new Map<number, Set<number>>();
  readonly #waiting: { check: () => boolean; done: () => void }[] = [];
  readonly #sockets = new Set<Socket>();
  #broker: Aedes | undefined;
  #mqtt: Server | undefined;
  #http = createHttpServer((request, response) => void this.#answer(request, response));
  #mqttPort = 0;
  #device = "";

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    await this.startBroker();
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.#mqttPort}`;
  }

  /** Starts the broker on the port it had. */
  async startBroker(): Promise<void> {
    const broker = await Aedes.createBroker();
    broker.authenticate = (_client, _user, password, done) =>
      done(null, password?.toString() === this.credential);
    broker.authorizeSubscribe = (client, subscription, done) => {
      const allowed =
        !this.faults.denySubscribe && maySubscribe(root, client.id, subscription.topic);
      done(null, allowed ? subscription : null);
    };
    broker.authorizePublish = (client, packet, done) => {
      if (client === null) return done(null);
      void this.#judge(client.id, packet.topic, Buffer.from(packet.payload)).then((verdict) =>
        done(verdict ? null : new Error("denied")),
      );
    };
    this.#broker = broker;
    this.#mqtt = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      broker.handle(socket);
    });
    await new Promise<void>((resolve) => this.#mqtt?.listen(this.#mqttPort, "127.0.0.1", resolve));
    this.#mqttPort = (this.#mqtt.address() as AddressInfo).port;
  }

  /** As SIGKILL would: connections end without a word. */
  async killBroker(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => void this.#mqtt?.close(() => resolve()));
    await new Promise<void>((resolve) => this.#broker?.close(() => resolve()));
  }

  async stop(): Promise<void> {
    await this.killBroker();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => void this.#http.close(() => resolve()));
  }

  /** Sends anything to the device, well-formed or not. */
  send(channel: "ack" | "desired" | "cmd", message: object | Buffer): void {
    const payload = Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message));
    const topic = downTopic(root, this.#device, channel);
    this.#broker?.publish(
      { cmd: "publish", topic, payload, qos: 0, retain: false, dup: false },
      () => {},
    );
  }

  addBlob(bytes: Buffer | string): { digest: string; bytes: number } {
    const content = Buffer.from(bytes);
    const digest = sha256Of(content);
    this.blobs.set(digest, content);
    return { digest, bytes: content.length };
  }

  setDesired(change: Partial<DesiredDocument>): void {
    this.desired = { ...this.desired, ...change, version: this.desired.version + 1 };
    if (this.#device !== "") this.send("desired", { v: 1, version: this.desired.version });
  }

  /** Resolves as soon as the condition holds; checked whenever something arrives. */
  until(check: () => boolean): Promise<void> {
    if (check()) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ check, done }));
  }

  ackOf(epoch: number) {
    const seen = this.#seen.get(epoch) ?? new Set();
    let upTo = 0;
    while (seen.has(upTo + 1)) upTo++;
    const beyond = [...seen].filter((seq) => seq > upTo).sort((a, b) => a - b);
    return {
      v: 1 as const,
      epoch,
      upTo,
      beyond: beyond.slice(0, 1000).map((seq): [number, number] => [seq, seq]),
      window: this.window,
    };
  }

  async #judge(device: string, topic: string, payload: Buffer): Promise<boolean> {
    const role = "camera";
    const channel = parseUpTopic(root, topic)?.channel;
    if (channel === undefined || !mayPublish(root, device, role, topic)) return false;
    this.#device = device;
    const message = await decodePayload(payload, batchLimits);
    if (this.faults.denyPublish?.(channel, message)) return false;
    if (this.faults.deaf) return true;
    this.#take(channel, message as Record<string, unknown>);
    const waiting = this.#waiting.splice(0);
    for (const one of waiting)
      if (one.check()) one.done();
      else this.#waiting.push(one);
    return true;
  }

  #take(channel: string, message: Record<string, unknown>): void {
    if (channel === "online") {
      this.online.push(message as never);
      if (message.online !== true) return;
      this.#ack(Math.max(0, ...this.#seen.keys()));
      this.send("desired", { v: 1, version: this.desired.version });
    } else if (channel === "state") this.states.push(message);
    else if (channel === "ota") this.ota.push(message as never);
    else this.#store(message);
  }

  #store(message: object): void {
    this.batches.push(message);
    const batch = "events" in message ? eventBatch.parse(message) : telemetryBatch.parse(message);
    const seen = this.#seen.get(batch.epoch) ?? new Set<number>();
    this.#seen.set(batch.epoch, seen);
    const keep = <Row extends { seq: number }>(rows: Row[], store: Row[]): void => {
      for (const row of rows) {
        if (!seen.has(row.seq)) store.push(row);
        seen.add(row.seq);
      }
    };
    if ("events" in batch) keep(toRows<EventRow>(batch.events), this.events);
    else {
      keep(toRows<WindowRow>(batch.windows), this.windows);
      keep(toRows<ResultRow>(batch.results), this.results);
    }
    for (const [first, last] of batch.skipped ?? [])
      for (let seq = first; seq <= last; seq++) seen.add(seq);
    this.#ack(batch.epoch);
  }

  #ack(epoch: number): void {
    if (!this.faults.mute) this.send("ack", this.ackOf(epoch));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    this.requests.push(`${request.method} ${path}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (path === "/api/v1/enrol") return this.#enrol(body, response);
    if (request.headers.authorization !== `Bearer ${this.credential}`)
      return problem(response, 401, "credential-unknown", "this credential is not known");
    if (path === "/api/v1/device/desired") return json(response, 200, this.desired);
    if (path === "/api/v1/device/preview") {
      const header = String(request.headers["x-fieldloop-result"]);
      const result: unknown = JSON.parse(Buffer.from(header, "base64url").toString());
      this.previews.push({ bytes: body.length, result });
      response.writeHead(204).end();
      return;
    }
    if (path === benchmarks.orders.path) return json(response, 200, { items: this.orders });
    if (path.startsWith(`${benchmarks.orders.path}/`)) return this.#ended(path, body, response);
    this.#blob(path, request, response);
  }

  #ended(path: string, body: Buffer, response: ServerResponse): void {
    const id = path.slice(benchmarks.orders.path.length + 1);
    const index = this.orders.findIndex((order) => order.id === id);
    if (index < 0) {
      problem(response, 404, "no-such-benchmark", "nobody asked for it");
      return;
    }
    this.orders.splice(index, 1);
    this.benchmarks.push({ id, end: JSON.parse(body.toString()) });
    response.writeHead(204).end();
  }

  #enrol(body: Buffer, response: ServerResponse): void {
    const { token, name } = JSON.parse(body.toString());
    if (token !== this.claimToken) {
      problem(response, 401, "claim-token-invalid", "this claim token is not known");
      return;
    }
    this.enrolled++;
    json(response, 201, {
      deviceId: name ?? `device-${this.enrolled}`,
      credential: this.credential,
      mqttUrl: this.mqttUrl,
      topicRoot: root,
    });
  }

  #blob(path: string, request: IncomingMessage, response: ServerResponse): void {
    const digest = path.replace("/api/v1/device/blobs/", "");
    const found = this.blobs.get(digest);
    if (found === undefined) {
      problem(response, 404, "blob-unknown", "there is no such blob");
      return;
    }
    const bytes = this.faults.corruptBlob?.(digest, Buffer.from(found)) ?? found;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const part = bytes.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": part.length,
      ...(from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    const cut = this.faults.cutBlobAfterBytes;
    if (cut === undefined || cut >= part.length) return void response.end(part);
    response.write(part.subarray(0, cut), () => response.destroy());
  }
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function problem(response: ServerResponse, status: number, code: string, detail: string): void {
  json(response, status, {
    type: "about:blank",
    title: code,
    status,
    code,
    detail,
    requestId: "r",
  });
}
