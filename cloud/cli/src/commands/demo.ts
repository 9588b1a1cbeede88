import { devices } from "@fieldloop/shared/contract/devices";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { name, names } from "../options.ts";

export function addDemoCommands(program: Command, context: Context): void {
  const group = program.command("demo").description("Play with the demo fleet");
  group
    .command("world")
    .description("Change what synthetic cameras see")
    .argument("<world>", "normal, lamp-aging, dirty-lens or brown-eggs", name)
    .option("--devices <ids>", "only these devices, with commas between them", names)
    .action(async (world: string, options: { devices?: string[] }) => {
      const reply = await context.connection().client.call(devices.setScene, {
        body: { world, ...(options.devices ? { devices: options.devices } : {}) },
      });
      const n = reply.changed.length;
      context.show({
        data: { world, ...reply },
        text:
          n === 0
            ? `No camera changed: no synthetic one is in scope, or all of them see ${world} already.\n`
            : `${n} ${n === 1 ? "camera sees" : "cameras see"} ${world} from now on: ${reply.changed.join(", ")}.\n`,
      });
    });
}
