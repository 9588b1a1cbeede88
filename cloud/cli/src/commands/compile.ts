import { type WantedKind, wantedKinds } from "@fieldloop/shared/contract/compilations";
import { type Command, InvalidArgumentError } from "commander";
import type { Context } from "../context.ts";
import type { BankFlags } from "../offline/bank.ts";
import type { PruneFlags } from "../offline/prune.ts";
import { list } from "../options.ts";
import { addCompilationCommands, compileThere, type RemoteFlags } from "./compilations.ts";
import { inspectModel } from "./inspect.ts";

/** What can be done with a model's file, mostly without a server. */
export function addCompileCommands(group: Command, context: Context): void {
  group
    .command("compile")
    .description("Make a model small and fast: 8 bits, pixels straight in")
    .argument("<model.onnx>", "the float model's file")
    .requiredOption("--manifest <model.yaml>", "its name, version and how it is fed and read")
    .requiredOption("--calibration <folder>", "100 to 1000 pictures as the cameras take them")
    .option("--labels <labels.csv>", "lines `file,label`: measures accuracy, not just agreement")
    .option("--max-loss <points>", "points of accuracy or agreement it may lose", points, 0.5)
    .option("--kinds <kinds>", `files to make besides float32: ${wantedKinds.join(", ")}`, wanted, [
      "int8",
      "int8-reduced",
    ])
    .option("--out <folder>", "compile on this machine, into a new or empty folder")
    .option("--no-wait", "without --out: do not wait for the server, which compiles and registers")
    .action(async (model: string, { out, ...flags }: RemoteFlags & { out?: string }) => {
      if (out === undefined) return context.show(await compileThere(context, model, flags));
      // Loaded here: the compiler brings ONNX Runtime with it, and no other command wants that.
      const { compile } = await import("../offline/compile.ts");
      return context.show(await compile(context, model, { ...flags, out }));
    });
  addCompilationCommands(group, context);
  group
    .command("prune")
    .description("Say what pruning would save and cost; with --out, take channels out for real")
    .argument("<model.onnx>", "the float model's file")
    .requiredOption("--manifest <model.yaml>", "its name, version and how it is fed and read")
    .option("--share <share>", "share of channels to take out of every group", part, 0.2)
    .option("--block <channels>", "keep multiples of so many; kernels work in blocks", block, 8)
    .option("--calibration <folder>", "pictures that show what it costs")
    .option("--labels <labels.csv>", "lines `file,label`: measures accuracy, not just agreement")
    .option("--out <folder>", "where the pruned model goes; new or empty")
    .action(async (model: string, flags: PruneFlags) => {
      const { prune } = await import("../offline/prune.ts");
      context.show(await prune(context, model, flags));
    });
  group
    .command("bank")
    .description("Make the bank of usual pictures that an anomaly model is held against")
    .argument("<model.onnx>", "a model that gives an embedding")
    .requiredOption("--manifest <model.yaml>", "with output.kind: embedding")
    .requiredOption("--pictures <folder>", "usual pictures as the cameras take them, at least 20")
    .option("--size <vectors>", "at most so many vectors", vectors, 128)
    .option(
      "--false-alarms <share>",
      "share of usual pictures that may be called unusual",
      part,
      0.01,
    )
    .option("--out <model.yaml>", "where it is written; default: into the manifest")
    .action(async (model: string, flags: BankFlags) => {
      const { bank } = await import("../offline/bank.ts");
      context.show(await bank(context, model, flags));
    });
  group
    .command("inspect")
    .description("Say what a model's file holds: operators, shapes, weights, metadata")
    .argument("<model.onnx>", "the model's file")
    .action(async (model: string) => context.show(await inspectModel(model)));
}

function wanted(text: string): readonly WantedKind[] {
  return list(text).map((name) => {
    const kind = wantedKinds.find((known) => known === name);
    if (kind !== undefined) return kind;
    throw new InvalidArgumentError(`Write one or more of ${wantedKinds.join(", ")}, with commas.`);
  });
}

/** A share in hundredths. */
function points(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0 && value <= 100) return value;
  throw new InvalidArgumentError("Write points from 0 to 100, for example 0.5.");
}

function part(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value < 1) return value;
  throw new InvalidArgumentError("Write a share above 0 and below 1, for example 0.2.");
}

function vectors(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= 1 && value <= 512) return value;
  throw new InvalidArgumentError("Write a whole number from 1 to 512, for example 128.");
}

function block(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= 1 && value <= 64) return value;
  throw new InvalidArgumentError("Write a whole number from 1 to 64, for example 8.");
}
