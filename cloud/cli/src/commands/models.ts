import { type ModelSummary, models } from "@fieldloop/shared/contract/models";
import { compareVersions, semver } from "@fieldloop/shared/ids";
import { type Command, InvalidArgumentError } from "commander";
import type { Context, Report } from "../context.ts";
import { name } from "../options.ts";
import { table } from "../table.ts";
import { agoText, bytesText } from "../text.ts";
import { addBenchCommands } from "./bench.ts";
import { addCompileCommands } from "./compile.ts";
import { addPushCommand } from "./push.ts";

export function addModelCommands(program: Command, context: Context): void {
  const group = program.command("models").description("Models and their versions");
  group
    .command("ls")
    .description("List models, or the versions of one")
    .argument("[name]", "name of a model", name)
    .action(async (model?: string) =>
      context.show(
        await (model === undefined ? listModels(context) : listVersions(context, model)),
      ),
    );
  addPushCommand(group, context);
  addCompileCommands(group, context);
  addBenchCommands(group, context);
  group
    .command("promote")
    .description("Point an alias at a version; devices that follow the alias update")
    .argument("<name>", "name of the model", name)
    .argument("<version>", "version to promote", version)
    .option("--alias <alias>", "`production`, or the name of a group", name, "production")
    .action(async (model: string, chosen: string, options: { alias: string }) => {
      const reply = await context.connection().client.call(models.promote, {
        params: { name: model, alias: options.alias },
        body: { version: chosen },
      });
      const devices = `${reply.devices} ${reply.devices === 1 ? "device" : "devices"}`;
      context.show({
        data: { name: model, ...reply },
        text: `${model} ${reply.alias} is now ${reply.version}; ${devices} will update.\n`,
      });
    });
}

async function listModels({ connection, io, look }: Context): Promise<Report> {
  const { items } = await connection().client.call(models.list, {});
  const aliases = ({ aliases }: ModelSummary) =>
    aliases.map(
      ({ alias, version, changedAt }) => `${alias} ${version} (${agoText(changedAt, io.now())})`,
    );
  const text = table(
    items,
    [
      { title: "NAME", cell: (row) => row.name },
      { title: "TASK", cell: (row) => row.task },
      { title: "VERSIONS", cell: (row) => row.versions, right: true },
      { title: "NEWEST", cell: (row) => row.newest },
      { title: "ALIASES", cell: (row) => aliases(row).join(", ") },
    ],
    look,
  );
  const none = "No models. `fieldloop models push model.onnx --manifest model.yaml` adds one.\n";
  return { data: { items }, text: items.length === 0 ? none : text };
}

async function listVersions({ connection, io, look }: Context, model: string): Promise<Report> {
  const { items } = await connection().client.call(models.versions, { params: { name: model } });
  const rows = items.toSorted((a, b) => compareVersions(b.version, a.version));
  const text = table(
    rows,
    [
      { title: "VERSION", cell: (row) => row.version },
      { title: "ALIASES", cell: (row) => row.aliases.join(", ") },
      { title: "RUNNING", cell: (row) => `${row.running} of ${row.desired}`, right: true },
      { title: "SIZE", cell: (row) => bytesText(row.bytes), right: true },
      { title: "LICENCE", cell: (row) => row.licence },
      { title: "PUSHED", cell: (row) => agoText(row.createdAt, io.now()) },
      { title: "BY", cell: (row) => row.createdBy },
      { title: "WARNINGS", cell: (row) => row.warnings.length || null, right: true },
    ],
    look,
  );
  return { data: { items }, text };
}

function version(text: string): string {
  if (semver.safeParse(text).success) return text;
  throw new InvalidArgumentError("A version is major.minor.patch, for example 1.2.0.");
}
