/** What the updater needs of the rest of the agent, and its bounds. */
import type { BackoffLimits } from "@fieldloop/shared/backoff";
import type { DeviceProfile } from "@fieldloop/shared/manifest/profile";
import type { OtaMessage } from "@fieldloop/shared/messages/control";
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import type { Log } from "../../platform/log.ts";
import type { Slot } from "./slots.ts";

/** What the updater needs of the engine. */
export interface ModelRuntime {
  /**
   * Opens the slot's model beside the active one, calls `accept`, and makes it the active one. When
   * opening or `accept` fails the old one simply stays.
   */
  load(slot: Slot, accept: (selfTest: () => Promise<SelfTest>) => Promise<void>): Promise<void>;
}

export type SelfTest =
  | { readonly kind: "pass" }
  | { readonly kind: "fail"; readonly reason: string };

/** How an update ended, as an event and in the reported state. */
export interface Outcome {
  readonly kind: "model-active" | "model-failed" | "model-rolled-back" | "model-damaged";
  readonly message: string;
  readonly model: string;
}

export interface UpdaterOptions {
  readonly files: Files;
  readonly folder: string;
  readonly profile: DeviceProfile;
  readonly runtime: ModelRuntime;
  /** Where a blob is fetched from; `null` without a cloud. */
  readonly source: {
    readonly urlOf: (digest: string) => string;
    readonly credential: string;
  } | null;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly onProgress: (message: OtaMessage) => void;
  readonly onOutcome: (outcome: Outcome) => void;
  readonly limits: UpdaterLimits;
}

export interface UpdaterLimits extends BackoffLimits {
  readonly downloadTimeoutMs: number;
  /** Progress of a download is told at most this often. */
  readonly progressMsMin: number;
  /** Live results that end probation well, and failures among them that end it badly. */
  readonly probationResults: number;
  readonly probationFailuresMax: number;
}

export const defaultUpdaterLimits: UpdaterLimits = {
  delayMsMin: 2000,
  delayMsMax: 300_000,
  downloadTimeoutMs: 30_000,
  progressMsMin: 1000,
  probationResults: 20,
  probationFailuresMax: 2,
};
