import { readFileSync } from "node:fs";
import { logins } from "@fieldloop/shared/contract/people";
import { messageOf } from "@fieldloop/shared/errors";
import type { Command } from "commander";
import * as z from "zod/mini";
import type { Context, Report } from "../context.ts";
import { readLogin } from "../login-file.ts";

/** Version of this program, from its package. */
export function cliVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

export function addVersionCommand(program: Command, context: Context): void {
  program
    .command("version")
    .description("Print the version of this program, and of the server where one is known")
    .action(async () => context.show(await versions(context)));
}

async function versions(context: Context): Promise<Report> {
  const client = cliVersion();
  const line = `fieldloop ${client}\n`;
  if (!context.io.env.FIELDLOOP_URL && readLogin(context.io.env) === undefined)
    return { data: { client, server: null }, text: line };
  try {
    const { url, client: api } = context.connection();
    const { installation } = await api.call(logins.me, {});
    return {
      data: { client, server: installation.version, url },
      text: `${line}server ${installation.version} at ${url}\n`,
    };
  } catch (error) {
    const reason = messageOf(error);
    return { data: { client, server: null, reason }, text: `${line}server unknown: ${reason}\n` };
  }
}
