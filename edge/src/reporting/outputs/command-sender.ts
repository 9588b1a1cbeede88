/** Runs a program, such as one that switches a relay. */
import { messageOf } from "@fieldloop/shared/errors";
import { startChild } from "../../platform/child.ts";
import { filledIn, type ToldEvent } from "./match.ts";
import { failedBy, type Sender } from "./sender.ts";
import type { OutputSettingsOf } from "./settings.ts";

export function commandSender({ command }: OutputSettingsOf<"command">): Sender {
  return { start: () => undefined, stop: async () => undefined, send: run };

  async function run(event: ToldEvent, withinMs: number): Promise<void> {
    const [program = "", ...args] = command.run.map((part, i) =>
      i === 0 ? part : filledIn(part, event),
    );
    const child = await startChild({
      command: [program, ...args],
      fd: 1,
      input: true,
      environment: command.env,
    }).catch((error: unknown) => {
      throw failedBy("unreachable", messageOf(error));
    });
    child.output.resume(); // what it prints is of no interest, and must not block it
    child.input?.end(`${JSON.stringify(event)}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), withinMs);
    });
    const outcome = await Promise.race([child.ended, late]);
    clearTimeout(timer);
    if (outcome === "late") {
      await child.kill();
      throw failedBy("timeout", `${program} was not done by the deadline and was ended`);
    }
    if (outcome.code === 0) return;
    const how = outcome.code === null ? `by ${outcome.signal}` : `with code ${outcome.code}`;
    const words = child.lastWords;
    throw failedBy("refused", `${program} ended ${how}${words === "" ? "" : `: ${words}`}`);
  }
}
