import { type ClaimToken, claimTokens } from "@fieldloop/shared/contract/devices";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { name, positive, span } from "../options.ts";
import { table } from "../table.ts";
import { agoText, untilText } from "../text.ts";

interface CreateOptions {
  readonly note?: string;
  readonly site?: string;
  readonly group?: string;
  readonly uses?: number;
  readonly expires?: number;
}

export function addEnrolTokenCommands(devices: Command, context: Context): void {
  const group = devices.command("enrol-token").description("Claim tokens, which let devices in");
  group
    .command("create")
    .description("Create a claim token; its secret is shown this once")
    .option("--note <text>", "what it is for")
    .option("--site <site>", "devices that use it belong to this site", name)
    .option("--group <group>", "and to this group", name)
    .option("--uses <n>", "how many devices may use it (default: 1)", positive)
    .option("--expires <time>", "how long it works, like 30m, 24h or 7d (default: 24h)", span)
    .action(async (options: CreateOptions) => {
      const { client, url } = context.connection();
      const body = {
        ...(options.note === undefined ? {} : { note: options.note }),
        ...(options.site === undefined ? {} : { site: options.site }),
        ...(options.group === undefined ? {} : { group: options.group }),
        ...(options.uses === undefined ? {} : { usesMax: options.uses }),
        ...(options.expires === undefined ? {} : { expiresInS: options.expires }),
      };
      const created = await client.call(claimTokens.create, { body });
      const command = agentCommand(url, created.token);
      context.show({
        data: { ...created, command },
        text: createdText(created, command, context.io.now()),
      });
    });
  group
    .command("ls")
    .description("List claim tokens, newest first")
    .action(async () => {
      const { items } = await context.connection().client.call(claimTokens.list, {});
      context.show({ data: { items }, text: tokenTable(items, context) });
    });
  group
    .command("revoke")
    .description("Revoke a claim token; devices already enrolled stay")
    .argument("<id>", "id of the token")
    .action(async (id: string) => {
      await context.connection().client.call(claimTokens.revoke, { params: { id } });
      context.show({ data: { id, revoked: true }, text: `Revoked ${id}.\n` });
    });
}

/**
 * What to type on the device. The secret goes through the environment, where other users of the
 * device cannot see it as they could see an argument.
 */
export function agentCommand(url: string, token: string): string {
  return `FIELDLOOP_URL=${url} FIELDLOOP_CLAIM_TOKEN=${token} fieldloop-agent enrol --config agent.yaml`;
}

function createdText(created: ClaimToken & { token: string }, command: string, nowMs: number) {
  const devices = created.usesMax === 1 ? "one device" : `${created.usesMax} devices`;
  return `Claim token ${created.id}, for ${devices}, expires ${untilText(created.expiresAt, nowMs)}.
Its secret is shown this once:

  ${created.token}

On the device, once (agent.yaml is its configuration):

  ${command}

From then on it has a credential of its own: fieldloop-agent run --config agent.yaml
`;
}

function tokenTable(rows: readonly ClaimToken[], { io, look }: Context): string {
  if (rows.length === 0)
    return "No claim tokens. `fieldloop devices enrol-token create` makes one.\n";
  return table(
    rows,
    [
      { title: "ID", cell: (row) => row.id },
      { title: "NOTE", cell: (row) => row.note },
      { title: "SITE", cell: (row) => row.site },
      { title: "GROUP", cell: (row) => row.group },
      { title: "USES", cell: (row) => `${row.uses} of ${row.usesMax}`, right: true },
      { title: "CREATED", cell: (row) => agoText(row.createdAt, io.now()) },
      {
        title: "EXPIRES",
        cell: (row) => (row.revoked ? "revoked" : untilText(row.expiresAt, io.now())),
      },
    ],
    look,
  );
}
