/**
 * `fieldloop-agent infer`: one pass over some images, without cloud, configuration or slots, through
 * the very code the agent runs.
 */
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { type InferResult, type Model, openModel } from "@fieldloop/shared-node/model";
import { type Provider, providers } from "@fieldloop/shared-node/session";
import * as z from "zod/mini";
import { loadModelFiles, readInput } from "./load.ts";

/** Where a command writes: results and complaints. */
export interface CommandIo {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** One image's line in `--json`. */
export type ImageReport =
  | ({ readonly image: string; readonly ok: true } & InferResult["decision"] &
      Pick<InferResult, "stagesMs">)
  | {
      readonly image: string;
      readonly ok: false;
      readonly error: { readonly code: string; readonly message: string };
    };

const usage = `Usage: fieldloop-agent infer --model FILE [--manifest FILE] [options] IMAGE...

Runs a model on images and prints what it says and where the time goes.

  --model FILE       the ONNX file
  --manifest FILE    model.yaml, or a canonical manifest; may be left out where the ONNX file
                     says enough itself, as an Ultralytics export does
  --providers LIST   processors to try, best first: ${providers.join(", ")} (default cpu)
  --threads N        threads inside one operator (default 1)
  --json             one JSON document instead of text
  --help             this text
`;

interface Arguments {
  readonly model: string;
  readonly manifest: string | undefined;
  readonly providers: readonly Provider[];
  readonly threads: number;
  readonly json: boolean;
  readonly images: readonly string[];
}

/**
 * Runs the command.
 * @param argv what follows the word `infer`
 * @returns the exit code: 0 when every image was read, 1 when any failed, 2 for a wrong call
 */
export async function inferCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  z.config(z.locales.en()); // messages that name what was expected
  const parsed = readArguments(argv);
  if (parsed.kind === "help") {
    io.out(usage);
    return 0;
  }
  if (parsed.kind === "wrong") {
    io.err(`fieldloop-agent infer: ${parsed.reason}\nTry fieldloop-agent infer --help\n`);
    return 2;
  }
  try {
    return await runAll(parsed.arguments, io);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (parsed.arguments.json) io.out(`${JSON.stringify({ error: describe(error) }, null, 2)}\n`);
    else io.err(`fieldloop-agent infer: ${error.message}\n`);
    return 1;
  }
}

async function runAll(args: Arguments, io: CommandIo): Promise<number> {
  const { options, warnings } = await loadModelFiles(args.model, args.manifest);
  for (const warning of warnings) io.err(`warning: ${warning}\n`);
  const from = performance.now();
  const model = await openModel({
    ...options,
    providers: args.providers,
    intraOpThreads: args.threads,
  });
  // The first picture would otherwise pay for loading the decoder.
  await model.infer({ kind: "raw", data: new Uint8Array(12), width: 2, height: 2 });
  const openMs = performance.now() - from;
  const reports: ImageReport[] = [];
  try {
    if (!args.json) io.out(describeModel(model, openMs));
    for (const image of args.images) {
      const report = await inferOne(model, image);
      reports.push(report);
      if (!args.json) (report.ok ? io.out : io.err)(describeImage(report));
    }
  } finally {
    await model.close();
  }
  if (args.json) {
    const document = {
      model: model.id,
      openMs,
      provider: model.provider,
      warnings,
      images: reports,
    };
    io.out(`${JSON.stringify(document, rounded, 2)}\n`);
  }
  return reports.every(({ ok }) => ok) ? 0 : 1;
}

async function inferOne(model: Model, image: string): Promise<ImageReport> {
  try {
    const bytes = await readInput(image, "image");
    const { decision, stagesMs } = await model.infer({ kind: "encoded", bytes }, basename(image));
    return { image, ok: true, ...decision, stagesMs };
  } catch (error) {
    return { image, ok: false, error: describe(error) };
  }
}

function describe(error: unknown): { code: string; message: string } {
  const code = error instanceof AppError ? error.code : "unexpected";
  return { code, message: messageOf(error) };
}

function describeModel({ id, provider }: Model, openMs: number): string {
  const refused = provider.refused.map((one) => `  ${one.provider} refused: ${one.reason}\n`);
  const how = provider.source === "profile" ? "seen in the warm-up run" : "as opened";
  return `${id} on ${provider.effective} (${how}), ready in ${openMs.toFixed(0)} ms\n${refused.join("")}`;
}

function describeImage(report: ImageReport): string {
  if (!report.ok) return `${report.image}: ${report.error.message}\n`;
  const { label, confidence, detections, stagesMs } = report;
  const times = Object.entries(stagesMs).map(([stage, ms]) => `${stage} ${ms.toFixed(1)}`);
  const found =
    detections === null
      ? `${label} ${percent(confidence)}`
      : `${detections.length} ${detections.length === 1 ? "detection" : "detections"}`;
  const boxes = (detections ?? []).map(
    ({ label: name, score, box }) =>
      `  ${name} ${percent(score)} at ${box.map((side) => side.toFixed(2)).join(", ")}\n`,
  );
  return `${report.image}: ${found}  [ms: ${times.join(", ")}]\n${boxes.join("")}`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

/** Six digits tell all there is to tell. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}

type Parsed =
  | { readonly kind: "run"; readonly arguments: Arguments }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly reason: string };

function readArguments(argv: readonly string[]): Parsed {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        model: { type: "string" },
        manifest: { type: "string" },
        providers: { type: "string", default: "cpu" },
        threads: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) return { kind: "help" };
    const { model, manifest, json } = values;
    if (model === undefined) return wrong("--model is missing: name the ONNX file");
    if (positionals.length === 0) return wrong("no image is named");
    const threads = Number(values.threads);
    if (!Number.isInteger(threads) || threads < 1 || threads > 64) {
      return wrong(`--threads is "${values.threads}"; allowed are whole numbers from 1 to 64`);
    }
    const wanted = values.providers.split(",").map((name) => name.trim());
    const known = wanted.map((name) => providers.find((provider) => provider === name));
    const list = known.filter((provider) => provider !== undefined);
    if (list.length !== wanted.length) {
      return wrong(`--providers is "${values.providers}"; allowed are ${providers.join(", ")}`);
    }
    const images = positionals;
    return { kind: "run", arguments: { model, manifest, providers: list, threads, json, images } };
  } catch (error) {
    return wrong(messageOf(error)); // parseArgs names the option it does not know
  }
}

function wrong(reason: string): Parsed {
  return { kind: "wrong", reason };
}
