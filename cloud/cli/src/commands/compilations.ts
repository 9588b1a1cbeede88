/** Compilations on the server: `models compile` without `--out`, and `models compilations`. */
import { setTimeout as delay } from "node:timers/promises";
import {
  type Compilation,
  compilations,
  type WantedKind,
} from "@fieldloop/shared/contract/compilations";
import { AppError } from "@fieldloop/shared/errors";
import type { CompileReport } from "@fieldloop/shared/manifest/compile-report";
import { type Command, InvalidArgumentError } from "commander";
import type { Context, Report } from "../context.ts";
import { startStages } from "../stage-progress.ts";
import { table } from "../table.ts";
import { agoText, plain } from "../text.ts";
import { type LocalFile, uploadFile } from "../upload.ts";

export interface RemoteFlags {
  readonly manifest: string;
  readonly calibration: string;
  readonly labels?: string;
  readonly maxLoss: number;
  readonly kinds: readonly WantedKind[];
  readonly wait: boolean;
}

type Ended = Compilation & { readonly report: CompileReport | null };

const pollMs = 1000;
/** Pictures are small, and each waits for the server's disk. */
const uploadsAtOnce = 4;

export function addCompilationCommands(group: Command, context: Context): void {
  group
    .command("compilations")
    .description("List compilations on the server, or show or cancel one")
    .argument("[id]", "of a compilation", id)
    .option("--cancel", "stop it")
    .action(async (chosen: string | undefined, flags: { cancel?: true }, command: Command) => {
      if (chosen === undefined) {
        if (flags.cancel) return command.error("error: --cancel needs the id of a compilation");
        return context.show(await listCompilations(context));
      }
      if (flags.cancel) return context.show(await cancel(context, chosen));
      const { client } = context.connection();
      return context.show(
        await endText(await client.call(compilations.get, { params: { id: chosen } })),
      );
    });
}

/** Uploads everything, asks the server to compile, and by default waits for what comes of it. */
export async function compileThere(
  context: Context,
  model: string,
  flags: RemoteFlags,
): Promise<Report> {
  const { readCompilationFiles } = await import("../offline/compilation-files.ts");
  const connection = context.connection();
  const progress = startStages(context.io, context.json());
  try {
    const files = await readCompilationFiles(model, flags);
    try {
      const pictures = files.samples.map(({ file }) => file);
      await uploadAll(context, [files.model, ...files.goldens, ...pictures], (share) =>
        progress.at("uploading", share),
      );
    } finally {
      await files.dispose();
    }
    const started = await connection.patient.call(compilations.start, {
      body: {
        spec: files.spec,
        model: files.model.digest,
        samples: files.samples.map(({ name, label, file }) => ({
          name,
          image: file.digest,
          ...(label === undefined ? {} : { label }),
        })),
        goldens: files.goldens.map(({ digest }) => digest),
        lossPointsMax: flags.maxLoss,
        kinds: [...flags.kinds],
      },
    });
    if (!flags.wait) return { data: started, text: startedText(started) };
    const ended = await follow(context, started.id, progress.at);
    progress.end();
    if (ended.state === "succeeded") return await endText(ended);
    throw new AppError({ code: `compilation-${ended.state}`, message: endSentence(ended) });
  } finally {
    progress.end();
  }
}

async function uploadAll(
  context: Context,
  files: readonly LocalFile[],
  progress: (share: number) => void,
): Promise<void> {
  const connection = context.connection();
  const waiting = [...new Map(files.map((file) => [file.digest, file])).values()].reverse();
  const count = waiting.length;
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      await uploadFile(connection, file, context.io, true);
      progress(++done / count);
    }
  };
  await Promise.all(Array.from({ length: uploadsAtOnce }, worker));
}

/** Looks once a second until it has ended; what breaks it off here does not stop it there. */
async function follow(
  context: Context,
  id: string,
  progress: (stage: string, share: number) => void,
): Promise<Ended> {
  const { client } = context.connection();
  for (;;) {
    const now = await client.call(compilations.get, { params: { id } });
    if (now.finishedAt !== null) return now;
    progress(now.stage ?? now.state, now.share);
    await delay(pollMs);
  }
}

async function listCompilations({ connection, io, look }: Context): Promise<Report> {
  const { items } = await connection().client.call(compilations.list, {});
  const text = table(
    items,
    [
      { title: "ID", cell: (row) => row.id },
      { title: "MODEL", cell: (row) => `${row.name} ${row.version}` },
      { title: "STATE", cell: stateText },
      { title: "PICTURES", cell: (row) => row.samples, right: true },
      { title: "ASKED", cell: (row) => agoText(row.createdAt, io.now()) },
      { title: "BY", cell: (row) => row.createdBy },
      { title: "ERROR", cell: (row) => row.error },
    ],
    look,
  );
  const none = "No compilations. `fieldloop models compile` without --out asks for one.\n";
  return { data: { items }, text: items.length === 0 ? none : text };
}

async function cancel({ connection }: Context, chosen: string): Promise<Report> {
  const { client } = connection();
  await client.call(compilations.cancel, { params: { id: chosen } });
  const { report: _, ...ended } = await client.call(compilations.get, { params: { id: chosen } });
  return { data: ended, text: `${endSentence(ended)}\n` };
}

async function endText({ report, ...ended }: Ended): Promise<Report> {
  const data = { ...ended, report };
  if (report === null) return { data, text: `${endSentence(ended)}\n` };
  const { reportText } = await import("../offline/report-text.ts");
  const next = `Registered. To send it to devices: fieldloop models promote ${ended.name} ${ended.version}\n`;
  return { data, text: reportText(report) + next };
}

function endSentence({ id, name, version, error, ...how }: Compilation): string {
  const what = `The compilation ${id} of ${name} ${version}`;
  if (how.state === "succeeded") return `${what} has succeeded.`;
  if (how.state === "cancelled") return `${what} is cancelled.`;
  if (how.state === "failed") return `${what} has failed: ${plain(error ?? "it is not known why")}`;
  return `${what} is ${stateText(how)}.`;
}

function stateText({
  state,
  stage,
  share,
}: Pick<Compilation, "state" | "stage" | "share">): string {
  return state === "running" && stage !== null ? `${stage}, ${Math.floor(100 * share)} %` : state;
}

function startedText({ id, name, version }: Compilation): string {
  return `The server compiles ${name} ${version}. To look how far it is: fieldloop models compilations ${id}\n`;
}

function id(text: string): string {
  if (text.length > 0 && text.length <= 64) return text;
  throw new InvalidArgumentError("`fieldloop models compilations` lists the ids.");
}
