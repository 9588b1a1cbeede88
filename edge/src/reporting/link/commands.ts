/** Commands from the cloud, each done once however often it arrives. */
import { messageOf } from "@fieldloop/shared/errors";
import type { CommandMessage } from "@fieldloop/shared/messages/control";
import type { EventRow } from "@fieldloop/shared/messages/telemetry";

const rememberedMax = 256;

export interface CommandOptions {
  readonly actions: Readonly<Record<CommandMessage["command"], () => void | Promise<void>>>;
  readonly now: () => number;
  /** The answer, as an event. */
  readonly onAnswer: (event: Omit<EventRow, "seq">) => void;
}

/** Returns the function that takes commands; the ids of the last 256 are remembered. */
export function openCommands(options: CommandOptions): (command: CommandMessage) => Promise<void> {
  const seen = new Set<string>();
  const answer = (command: CommandMessage, failure: string | undefined): void =>
    options.onAnswer({
      at: options.now(),
      kind: failure === undefined ? "command-done" : "command-failed",
      severity: failure === undefined ? "info" : "warning",
      message: failure ?? `${command.command} is done`,
      detail: { id: command.id, command: command.command },
    });
  return async (command) => {
    if (seen.has(command.id)) return;
    seen.add(command.id);
    const [oldest] = seen;
    if (seen.size > rememberedMax && oldest !== undefined) seen.delete(oldest);
    try {
      await options.actions[command.command]();
      answer(command, undefined);
    } catch (error) {
      answer(command, messageOf(error));
    }
  };
}
