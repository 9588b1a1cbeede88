/** `fieldloop models push`: one file with its manifest, or the folder that `models compile` made. */
import { dirname, resolve } from "node:path";
import { type ModelVersion, models, type PushedVariant } from "@fieldloop/shared/contract/models";
import { AppError } from "@fieldloop/shared/errors";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import type { Command } from "commander";
import { isFolder, readCompiled } from "../compiled.ts";
import type { Context, Report } from "../context.ts";
import { readModelSpec } from "../model-spec.ts";
import { bytesText, plain } from "../text.ts";
import { describeFile, type LocalFile, uploadFile } from "../upload.ts";

/** Everything a push sends. */
interface Push {
  /** Path of the manifest, for the sentence where the server refuses it. */
  readonly manifest: string;
  readonly spec: ModelSpec;
  readonly files: readonly LocalFile[];
  readonly registers: {
    readonly model: string;
    readonly variants?: PushedVariant[];
    readonly report?: string;
  };
}

export function addPushCommand(group: Command, context: Context): void {
  group
    .command("push")
    .description("Upload a model and register it as a new version")
    .argument("<path>", "the model's file, or a folder that `models compile` made")
    .option(
      "--manifest <model.yaml>",
      "its name, version and how it is fed and read; a compiled folder has its own",
    )
    .action(async (path: string, { manifest }: { manifest?: string }, command: Command) => {
      if (await isFolder(path))
        return context.show(await send(context, await readCompiled(path, manifest)));
      if (manifest === undefined)
        return command.error("error: required option '--manifest <model.yaml>' not specified");
      const spec = await readModelSpec(manifest);
      const file = await describeFile(path, "model");
      const registers = { model: file.digest };
      context.show(await send(context, { manifest, spec, files: [file], registers }));
    });
}

/** Uploads what the server lacks, and registers. The server decides whether it all fits. */
async function send(context: Context, push: Push): Promise<Report> {
  const { manifest, files, registers } = push;
  const { golden = [], ...spec } = push.spec;
  const goldens: LocalFile[] = [];
  for (const path of golden)
    goldens.push(await describeFile(resolve(dirname(manifest), path), "golden image"));
  const connection = context.connection();
  for (const local of [...files, ...goldens])
    await uploadFile(connection, local, context.io, context.json());
  const registered = await connection.patient
    .call(models.register, {
      body: { spec, ...registers, goldens: goldens.map(({ digest }) => digest) },
    })
    .catch((error: unknown) => Promise.reject(refusedPush(error, manifest)));
  return { data: registered, text: pushedText(registered) };
}

/** The server's problem list names keys of the manifest; the sentence should name the file too. */
function refusedPush(error: unknown, manifest: string): unknown {
  if (!(error instanceof AppError) || error.detail?.errors === undefined) return error;
  return new AppError({
    code: error.code,
    message: `${error.message} (${manifest})`,
    status: error.status,
    detail: error.detail,
    cause: error,
  });
}

function pushedText(
  pushed: ModelVersion & { readonly document: { readonly variants: readonly { kind: string }[] } },
): string {
  const licence = pushed.licence === null ? "" : `, ${pushed.licence}`;
  const { variants } = pushed.document;
  const several = variants.length < 2 ? "" : `: ${variants.map(({ kind }) => kind).join(", ")}`;
  const warnings = pushed.warnings.map((warning) => `warning: ${plain(warning)}\n`).join("");
  return `Registered ${pushed.name} ${pushed.version} (${pushed.task}, ${bytesText(pushed.bytes)}${several}${licence}).
${warnings}To send it to devices: fieldloop models promote ${pushed.name} ${pushed.version}
`;
}
