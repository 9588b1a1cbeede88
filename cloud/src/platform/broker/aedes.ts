import { createServer, type Server, type Socket } from "node:net";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { slug } from "@fieldloop/shared/ids";
import { batchLimits } from "@fieldloop/shared/messages/telemetry";
import {
  type DeviceRole,
  type DownChannel,
  downTopic,
  maySubscribe,
  parseUpTopic,
} from "@fieldloop/shared/topics";
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from "aedes";
import type { Logger } from "pino";
import { publishRefusal, willRefusal } from "./access.ts";
import { type Broker, type BrokerHandlers, type BrokerStats, zeroStats } from "./broker.ts";
import { PacketMeter } from "./packet-meter.ts";

/** Limits of the broker in this process. */
export interface AedesLimits {
  readonly connectionsMax: number;
  /** From the TCP connection to MQTT's CONNECT. */
  readonly connectTimeoutMs: number;
  /** How long a device that does not read is waited for. */
  readonly drainTimeoutMs: number;
  /** A packet before the login has succeeded: CONNECT with its will. */
  readonly loginPacketBytesMax: number;
  /** Any packet afterwards. Above the payload limit, so that a little too much is explained. */
  readonly packetBytesMax: number;
  readonly topicLevelsMax: number;
  /** Unsent bytes of one device beyond which downward messages are dropped. */
  readonly unsentBytesMax: number;
}

export const defaultAedesLimits: AedesLimits = {
  connectionsMax: 20_000,
  connectTimeoutMs: 10_000,
  drainTimeoutMs: 15_000,
  loginPacketBytesMax: 16 * 1024,
  packetBytesMax: 2 * batchLimits.payloadBytesMax,
  topicLevelsMax: 8,
  unsentBytesMax: 256 * 1024,
};

export interface AedesBrokerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly root: string;
  readonly log: Logger;
  readonly limits?: Partial<AedesLimits>;
}

/** What is known of a connection once its login has succeeded. */
interface Session {
  readonly role: DeviceRole;
  readonly filters: Set<string>;
}

/** Refusals of MQTT 3.1.1, table 3.1. */
const refused = { unavailable: 3, badLogin: 4, notAuthorised: 5 } as const;

/**
 * Aedes in this process. A device logs in with its id as client id and user name and its credential
 * as password; a second connection of the same id takes over from the first.
 *
 * What a device may not publish is refused and counted, and Aedes ends the connection: MQTT 3.1.1
 * has no other way to say no. A subscription it may not make is answered with 0x80 and the
 * connection stays. Sessions are always clean and nothing is retained: only the cloud listens
 * upward, it hears every message as it arrives, and downward everything is QoS 0.
 */
export class AedesBroker implements Broker {
  readonly #options: AedesBrokerOptions;
  readonly #limits: AedesLimits;
  readonly #stats = zeroStats();
  readonly #sessions = new WeakMap<Client, Session>();
  readonly #willTopics = new WeakMap<Client, string>();
  readonly #connected = new Map<string, Client>();
  readonly #sockets = new Set<Socket>();
  #handlers: BrokerHandlers | undefined;
  #aedes: Aedes | undefined;
  #server: Server | undefined;

  constructor(options: AedesBrokerOptions) {
    this.#options = options;
    this.#limits = { ...defaultAedesLimits, ...options.limits };
  }

  /** The port listened on; 0 while stopped. */
  get port(): number {
    const address = this.#server?.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async start(handlers: BrokerHandlers): Promise<void> {
    this.#handlers = handlers;
    const limits = this.#limits;
    const aedes = await Aedes.createBroker({
      connectTimeout: limits.connectTimeoutMs,
      drainTimeout: limits.drainTimeoutMs,
      maxTopicLevels: limits.topicLevelsMax,
      maxInflightInbound: 1, // QoS 2 is refused anyway
      preConnect: (client, packet, done) => {
        packet.clean = true; // nothing is queued for devices that are away
        if (packet.will !== undefined) this.#willTopics.set(client, packet.will.topic);
        done(null, true);
      },
      authenticate: (client, user, password, done) =>
        void this.#login(client, user, password).then((error) => done(error, error === null)),
      authorizePublish: (client, packet, done) => done(this.#refusePublish(client, packet)),
      authorizeSubscribe: (client, subscription, done) =>
        done(null, this.#maySubscribe(client, subscription.topic) ? subscription : null),
      published: (packet, client, done) => {
        this.#receive(packet, client);
        done();
      },
    });
    this.#aedes = aedes;
    this.#listenTo(aedes);
    this.#server = await this.#listen(aedes);
    this.#stats.up = true;
  }

  send(device: string, channel: DownChannel, message: object): void {
    const topic = downTopic(this.#options.root, device, channel);
    const client = this.#connected.get(device);
    // Straight to the connection: a device that does not read cannot hold up the others.
    if (client === undefined || !this.#listens(client, topic) || this.#isStuck(client)) {
      this.#stats.undelivered++;
      return;
    }
    const payload = JSON.stringify(message);
    client.publish({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false }, () => {});
    this.#stats.sent++;
  }

  disconnect(device: string): void {
    this.#connected.get(device)?.close();
  }

  async stop(): Promise<void> {
    this.#stats.up = false;
    const server = this.#server;
    const closed = new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
    const aedes = this.#aedes;
    if (aedes !== undefined) await new Promise<void>((resolve) => aedes.close(resolve));
    for (const socket of this.#sockets) socket.destroy(); // those that never logged in
    await closed;
  }

  stats(): BrokerStats {
    return { ...this.#stats, connected: this.#connected.size };
  }

  #listenTo(aedes: Aedes): void {
    const { log } = this.#options;
    aedes.on("client", (client) => this.#connected.set(client.id, client));
    aedes.on("clientDisconnect", (client) => {
      if (this.#connected.get(client.id) === client) this.#connected.delete(client.id);
    });
    aedes.on("clientError", (client, error) =>
      log.debug({ device: client.id, reason: error.message }, "a device's connection broke"),
    );
    aedes.on("connectionError", (_client, error) =>
      log.debug({ reason: error.message }, "an MQTT connection ended before its login"),
    );
    (aedes as NodeJS.EventEmitter).on("error", (error) =>
      log.error({ err: error }, "the MQTT broker reports a failure"),
    ); // an event that the types leave out
  }

  async #listen(aedes: Aedes): Promise<Server> {
    const { host, port } = this.#options;
    const server = createServer((socket) => this.#take(aedes, socket));
    server.maxConnections = this.#limits.connectionsMax;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    }).catch(async (error: NodeJS.ErrnoException) => {
      await new Promise<void>((resolve) => aedes.close(resolve));
      throw new AppError({
        code: error.code === "EADDRINUSE" ? "port-taken" : "listen",
        message:
          error.code === "EADDRINUSE"
            ? `port ${port} on ${host} is taken; set FIELDLOOP_MQTT_PORT to a free port for MQTT`
            : `cannot listen for MQTT on ${host}:${port} (${error.message}); set FIELDLOOP_HOST or FIELDLOOP_MQTT_PORT`,
        cause: error,
      });
    });
    return server;
  }

  #take(aedes: Aedes, socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.setNoDelay(true);
    const client = aedes.handle(socket);
    const meter = new PacketMeter();
    // Aedes reads on `readable`; a `data` listener beside that one sees each chunk first.
    socket.on("data", (chunk: Buffer) => {
      const { loginPacketBytesMax, packetBytesMax } = this.#limits;
      const loggedIn = this.#sessions.has(client);
      const bytes = meter.pass(chunk, loggedIn ? packetBytesMax : loginPacketBytesMax);
      if (bytes === undefined) return;
      this.#stats.oversized++;
      if (loggedIn) this.#refuse(client, "", `a packet announces ${bytes} bytes`, bytes, chunk);
      socket.destroy();
    });
  }

  /** @returns `null` where the device may come in */
  async #login(
    client: Client,
    user: string | undefined,
    password: Buffer | undefined,
  ): Promise<AuthenticateError | null> {
    const deny = (code: number, reason: string): AuthenticateError => {
      this.#stats.loginsRefused++;
      return Object.assign(new Error(reason), { returnCode: code });
    };
    if (user !== client.id || !slug.safeParse(user).success)
      return deny(refused.badLogin, "client id and user name must both be the device's id");
    let role: DeviceRole | undefined;
    try {
      role = await this.#handlers?.authenticate(user, password?.toString("utf8") ?? "");
    } catch (error) {
      this.#options.log.warn({ device: user, reason: messageOf(error) }, "cannot check a login");
      return deny(refused.unavailable, "logins cannot be checked now; try again");
    }
    if (role === undefined) return deny(refused.badLogin, "wrong device id or credential");
    const reason = willRefusal(this.#options.root, user, this.#willTopics.get(client));
    if (reason !== undefined) return deny(refused.notAuthorised, reason);
    this.#sessions.set(client, { role, filters: new Set() });
    return null;
  }

  #refusePublish(client: Client | null, packet: PublishPacket): Error | null {
    if (client === null) return null; // Aedes' own
    const bytes = packet.payload.length;
    const role = this.#sessions.get(client)?.role;
    const wish = { topic: packet.topic, qos: packet.qos, retain: packet.retain, bytes };
    const reason = publishRefusal(this.#options.root, client.id, role, wish);
    packet.retain = false; // nobody will ask for it
    if (reason === undefined) return null;
    this.#stats.publishesRefused++;
    this.#refuse(client, packet.topic, reason, bytes, Buffer.from(packet.payload));
    return new Error(reason);
  }

  #maySubscribe(client: Client, filter: string): boolean {
    const session = this.#sessions.get(client);
    if (session !== undefined && maySubscribe(this.#options.root, client.id, filter)) {
      session.filters.add(filter);
      return true;
    }
    this.#stats.subscriptionsRefused++;
    this.#refuse(client, filter, "a device may subscribe only to its own downward topics", 0);
    return false;
  }

  #refuse(client: Client, topic: string, reason: string, payloadBytes: number, payload?: Buffer) {
    const shown = topic.slice(0, 256);
    this.#options.log.warn({ device: client.id, topic: shown, reason }, "refused a device's wish");
    this.#handlers?.onRefused({
      device: client.id,
      topic: shown,
      reason,
      payload: payload ?? Buffer.alloc(0),
      payloadBytes,
    });
  }

  #receive(packet: PublishPacket, client: Client | null): void {
    const place = client === null ? undefined : parseUpTopic(this.#options.root, packet.topic);
    if (place === undefined) return; // Aedes' own $SYS messages
    const payload = Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload);
    this.#stats.messages++;
    this.#stats.bytes += payload.length;
    this.#handlers?.onMessage({ ...place, payload, retained: false });
  }

  #listens(client: Client, topic: string): boolean {
    const filters = this.#sessions.get(client)?.filters;
    return (
      filters !== undefined && (filters.has(topic) || filters.has(topic.replace(/[^/]+$/, "#")))
    );
  }

  #isStuck(client: Client): boolean {
    return client.conn.writableLength > this.#limits.unsentBytesMax;
  }
}
