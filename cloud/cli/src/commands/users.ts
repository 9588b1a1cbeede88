import { people } from "@fieldloop/shared/contract/people";
import { type Role, roles } from "@fieldloop/shared/permissions";
import { type Command, Option } from "commander";
import type { Context } from "../context.ts";
import { names } from "../options.ts";
import { table } from "../table.ts";
import { agoText } from "../text.ts";
import { scopeFrom, scopeText } from "./scope.ts";

interface AddOptions {
  readonly role: Role;
  readonly name?: string;
  readonly site?: readonly string[];
  readonly group?: readonly string[];
}

export function addUserCommands(program: Command, context: Context): void {
  const group = program.command("users").description("People who may log in");
  group
    .command("add")
    .description("Add a person; prints a one-time login link for them")
    .argument("<email>", "e-mail address")
    .addOption(new Option("--role <role>", "what they may do").choices(roles).makeOptionMandatory())
    .option("--name <name>", "name to show (default: the part of the address before the @)")
    .option("--site <sites>", "only devices of these sites", names)
    .option("--group <groups>", "only devices of these groups", names)
    .action(async (email: string, options: AddOptions) => {
      const added = await context.connection().client.call(people.create, {
        body: {
          email,
          name: options.name ?? email.split("@", 1)[0] ?? email,
          role: options.role,
          scope: scopeFrom(options),
        },
      });
      context.show({
        data: added,
        text: `Added ${added.email} as ${added.role}. Send them this link, which works once:\n\n  ${added.loginLink}\n`,
      });
    });
  group
    .command("ls")
    .description("List people")
    .action(async () => {
      const { items } = await context.connection().client.call(people.list, {});
      const text = table(
        items,
        [
          { title: "E-MAIL", cell: (row) => row.email },
          { title: "NAME", cell: (row) => row.name },
          { title: "ROLE", cell: (row) => row.role },
          { title: "SCOPE", cell: (row) => scopeText(row.scope) },
          { title: "ADDED", cell: (row) => agoText(row.createdAt, context.io.now()) },
        ],
        context.look,
      );
      context.show({ data: { items }, text });
    });
}
