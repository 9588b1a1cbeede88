import { type Command, InvalidArgumentError } from "commander";
import type { Context } from "../context.ts";
import type { CompileFlags } from "../offline/compile.ts";
import { inspectModel } from "./inspect.ts";

/** What can be done with a model's file without a server. */
export function addCompileCommands(group: Command, context: Context): void {
  group
    .command("compile")
    .description("Make a model small and fast on this machine: 8 bits, pixels straight in")
    .argument("<model.onnx>", "the float model's file")
    .requiredOption("--manifest <model.yaml>", "its name, version and how it is fed and read")
    .requiredOption("--calibration <folder>", "100 to 1000 pictures as the cameras take them")
    .option("--labels <labels.csv>", "lines `file,label`: measures accuracy, not just agreement")
    .option("--max-loss <points>", "points of accuracy or agreement it may lose", points, 0.5)
    .option("--reduce-range", "7-bit weights, for x86 processors without VNNI")
    .requiredOption("--out <folder>", "where the compiled model goes; new or empty")
    .action(async (model: string, flags: CompileFlags) => {
      // Loaded here: the compiler brings ONNX Runtime with it, and no other command wants that.
      const { compile } = await import("../offline/compile.ts");
      context.show(await compile(context, model, flags));
    });
  group
    .command("inspect")
    .description("Say what a model's file holds: operators, shapes, weights, metadata")
    .argument("<model.onnx>", "the model's file")
    .action(async (model: string) => context.show(await inspectModel(model)));
}

/** A share in hundredths. */
function points(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0 && value <= 100) return value;
  throw new InvalidArgumentError("Write points from 0 to 100, for example 0.5.");
}
