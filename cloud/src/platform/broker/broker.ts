import type { DeviceRole, DownChannel, UpChannel } from "@fieldloop/shared/topics";

/** One message of a device, as it stood on the wire. */
export interface UpMessage {
  readonly device: string;
  readonly channel: UpChannel;
  readonly payload: Buffer;
  /** Kept by the broker from earlier: the device may not be there now. */
  readonly retained: boolean;
}

/** Something a connected device tried and may not do. */
export interface Refusal {
  readonly device: string;
  /** Topic or filter, cut to 256 characters; empty where there is none. */
  readonly topic: string;
  /** One sentence. */
  readonly reason: string;
  readonly payload: Buffer;
  readonly payloadBytes: number;
}

/** What the broker needs of the rest. None of them may throw, except `authenticate`. */
export interface BrokerHandlers {
  /**
   * Takes a message. An MQTT acknowledgement says nothing about it being stored (Aedes sends it
   * before handing the message over): what is stored is said on `dn/ack` after the commit.
   */
  readonly onMessage: (message: UpMessage) => void;
  readonly onRefused: (refusal: Refusal) => void;
  /**
   * Role of the device with this id and password; `undefined` where they do not fit. A rejection
   * means that it cannot be told now. Not asked where an external broker checks passwords.
   */
  readonly authenticate: (device: string, password: string) => Promise<DeviceRole | undefined>;
}

export interface BrokerStats {
  /** Devices connected here; `null` where an external broker holds the connections. */
  readonly connected: number | null;
  /** Whether messages can flow. */
  readonly up: boolean;
  readonly messages: number;
  readonly bytes: number;
  readonly sent: number;
  /** Downward messages that found nobody. */
  readonly undelivered: number;
  readonly loginsRefused: number;
  readonly publishesRefused: number;
  readonly subscriptionsRefused: number;
  /** Connections ended for packets over the limit. */
  readonly oversized: number;
}

/** The way to the devices: Aedes in this process, or any MQTT 3.1.1 broker. */
export interface Broker {
  /** @throws AppError where it cannot work as configured, such as a taken port */
  start(handlers: BrokerHandlers): Promise<void>;
  /** Sends at QoS 0; lost, and counted, where the device is away. */
  send(device: string, channel: DownChannel, message: object): void;
  /** Ends the device's connection, after its credential was revoked. */
  disconnect(device: string): void;
  stop(): Promise<void>;
  stats(): BrokerStats;
}

/** A writable `BrokerStats`, all zero. */
export function zeroStats(): { -readonly [K in keyof BrokerStats]: BrokerStats[K] } {
  return {
    connected: 0,
    up: false,
    messages: 0,
    bytes: 0,
    sent: 0,
    undelivered: 0,
    loginsRefused: 0,
    publishesRefused: 0,
    subscriptionsRefused: 0,
    oversized: 0,
  };
}
