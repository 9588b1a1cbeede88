import { type ApiToken, tokens } from "@fieldloop/shared/contract/people";
import { type Act, actNames } from "@fieldloop/shared/permissions";
import { type Command, InvalidArgumentError } from "commander";
import type { Context } from "../context.ts";
import { list, names, span } from "../options.ts";
import { table } from "../table.ts";
import { agoText, nearest, untilText } from "../text.ts";
import { scopeFrom, scopeText } from "./scope.ts";

interface CreateOptions {
  readonly act: Act[];
  readonly expires?: number;
  readonly site?: readonly string[];
  readonly group?: readonly string[];
}

export function addTokenCommands(program: Command, context: Context): void {
  const group = program.command("tokens").description("API tokens, for programs");
  group
    .command("create")
    .description("Create an API token; its secret is shown this once")
    .argument("<note>", "what it is for")
    .requiredOption("--act <acts>", "what it may do, for example devices:read,models:push", acts)
    .option("--expires <time>", "how long it works, like 24h or 90d (default: until revoked)", span)
    .option("--site <sites>", "only devices of these sites", names)
    .option("--group <groups>", "only devices of these groups", names)
    .addHelpText("after", `\nActs: ${actNames.join(", ")}`)
    .action(async (note: string, options: CreateOptions) => {
      const created = await context.connection().client.call(tokens.create, {
        body: {
          note,
          acts: options.act,
          scope: scopeFrom(options),
          expiresInS: options.expires ?? null,
        },
      });
      context.show({
        data: created,
        text: `API token ${created.id} may ${created.acts.join(", ")}; expires ${untilText(
          created.expiresAt,
          context.io.now(),
        )}.\nIts secret is shown this once:\n\n  ${created.token}\n`,
      });
    });
  group
    .command("ls")
    .description("List API tokens")
    .action(async () => {
      const { items } = await context.connection().client.call(tokens.list, {});
      context.show({ data: { items }, text: tokenTable(items, context) });
    });
  group
    .command("revoke")
    .description("Revoke an API token at once")
    .argument("<id>", "id of the token")
    .action(async (id: string) => {
      await context.connection().client.call(tokens.revoke, { params: { id } });
      context.show({ data: { id, revoked: true }, text: `Revoked ${id}.\n` });
    });
}

/** `a,b` of acts from the permission table. */
function acts(text: string, previous: readonly Act[] = []): Act[] {
  const found = list(text).map((word) => {
    const act = actNames.find((known) => known === word);
    if (act !== undefined) return act;
    const close = nearest(word, actNames);
    throw new InvalidArgumentError(
      `\`${word}\` is not an act${close ? `; did you mean ${close}?` : `. Acts: ${actNames.join(", ")}.`}`,
    );
  });
  return [...new Set([...previous, ...found])];
}

function tokenTable(rows: readonly ApiToken[], { io, look }: Context): string {
  if (rows.length === 0) return "No API tokens. `fieldloop tokens create` makes one.\n";
  return table(
    rows,
    [
      { title: "ID", cell: (row) => row.id },
      { title: "NOTE", cell: (row) => row.note },
      { title: "SCOPE", cell: (row) => scopeText(row.scope) },
      { title: "CREATED", cell: (row) => agoText(row.createdAt, io.now()) },
      { title: "LAST USED", cell: (row) => agoText(row.lastUsedAt, io.now()) },
      {
        title: "EXPIRES",
        cell: (row) => (row.revoked ? "revoked" : untilText(row.expiresAt, io.now())),
      },
      { title: "ACTS", cell: (row) => row.acts.join(" ") },
    ],
    look,
  );
}
