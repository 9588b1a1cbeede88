import type { DownChannel } from "@fieldloop/shared/topics";
import type { Logger } from "pino";
import type { BlobStore } from "./blobs.ts";
import type { Db } from "./db.ts";
import type { Idempotency } from "./idempotency.ts";
import type { LiveHub } from "./live.ts";

/** What every module is given; `wiring.ts` builds it once. */
export interface Platform {
  readonly db: Db;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
  readonly live: LiveHub;
  readonly blobs: BlobStore;
  readonly idempotency: Idempotency;
  /** Sends one small message to one device, QoS 0; lost where the device is away. */
  readonly send: (device: string, channel: DownChannel, message: object) => void;
  readonly installation: {
    readonly id: string;
    readonly version: string;
    readonly demo: boolean;
    /** URL under which people and devices reach this server, without a trailing slash. */
    readonly publicUrl: string;
    /** URL that devices are told to connect to. */
    readonly mqttUrl: string;
    readonly topicRoot: string;
  };
}
