/** How an output reaches its end. */
import { AppError } from "@fieldloop/shared/errors";
import type { ToldEvent } from "./match.ts";
import type { Secret } from "./settings.ts";

/**
 * Why an event did not get through: `timeout` at its deadline, `unreachable` where nobody was there,
 * `refused` where somebody said no.
 */
export const failureCauses = ["timeout", "unreachable", "refused"] as const;
export type FailureCause = (typeof failureCauses)[number];

export interface Sender {
  start(): void;
  /**
   * Does it once, within the time. Nothing of it happens after this has settled.
   * @throws AppError whose code is a `FailureCause`
   */
  send(event: ToldEvent, withinMs: number): Promise<void>;
  stop(): Promise<void>;
}

export function failedBy(cause: FailureCause, message: string): AppError {
  return new AppError({ code: cause, message });
}

/** @throws AppError `config` where the variable is not set */
export function reveal(secret: Secret, environment: Environment): string {
  if (typeof secret === "string") return secret;
  const value = environment[secret.env];
  if (value !== undefined && value !== "") return value;
  throw new AppError({
    code: "config",
    message: `the variable ${secret.env}, which an output needs, is not set in the agent's environment`,
  });
}

export type Environment = Readonly<Record<string, string | undefined>>;
