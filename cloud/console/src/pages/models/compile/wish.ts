/** What the compile form asks for, worked out from its fields. Pure. */
import { compilations, compileSamplesMax } from "@fieldloop/shared/contract/compilations";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import * as z from "zod/mini";
import { tc } from "../../../text/t-compile.ts";

const { spec, lossPointsMax, kinds } = compilations.start.body.shape;
/** The part of the request that people type; digests come with the upload. */
export const typedWish = z.object({ spec, lossPointsMax, kinds });
export type TypedWish = z.infer<typeof typedWish>;

export const outputChoices = [
  "classification-softmax",
  "classification-none",
  "ssd",
  "yolo-v5",
  "yolo-v8",
] as const;
export type OutputChoice = (typeof outputChoices)[number];
type Output = NonNullable<ModelSpec["output"]>;

const outputs: Readonly<Record<OutputChoice, Output>> = {
  "classification-softmax": { kind: "classification", activation: "softmax" },
  "classification-none": { kind: "classification", activation: "none" },
  ssd: { kind: "ssd" },
  "yolo-v5": { kind: "yolo", head: "v5" },
  "yolo-v8": { kind: "yolo", head: "v8" },
};

/** Which choice says what a manifest says; "" where it says nothing. */
export function choiceOf(output: ModelSpec["output"]): OutputChoice | "" {
  if (output === undefined) return "";
  if (output.kind === "ssd") return "ssd";
  if (output.kind === "yolo" && output.head !== "end2end") return `yolo-${output.head ?? "v8"}`;
  if (output.kind !== "classification") return ""; // kept as it is
  return output.activation === "none" ? "classification-none" : "classification-softmax";
}

/** Numbers separated by spaces or commas; `undefined` of an empty field, NaN where one is no number. */
export function numbersOf(text: string): readonly number[] | undefined {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== "");
  return parts.length === 0 ? undefined : parts.map(Number);
}

const textOf = (data: FormData, name: string): string => {
  const value = data.get(name);
  return typeof value === "string" ? value.trim() : "";
};

/** Reads the fields. What they do not show is kept as `base`, the loaded manifest, has it. */
export function readWish(data: FormData, base: Partial<ModelSpec>): unknown {
  const { task: _task, labels: _labels, input, output, ...rest } = base;
  const { mean: _mean, std: _std, ...otherInput } = input ?? {};
  const [mean, std] = [numbersOf(textOf(data, "mean")), numbersOf(textOf(data, "std"))];
  const nextInput = { ...otherInput, ...(mean && { mean }), ...(std && { std }) };
  const task = textOf(data, "task");
  const labels = classesOf(textOf(data, "labels"));
  const nextOutput = outputOf(textOf(data, "output"), output);
  const loss = textOf(data, "lossPointsMax");
  return {
    spec: {
      ...rest,
      name: textOf(data, "name"),
      version: textOf(data, "version"),
      ...(task === "" ? {} : { task }),
      ...(labels.length === 0 ? {} : { labels }),
      ...(Object.keys(nextInput).length === 0 ? {} : { input: nextInput }),
      ...(nextOutput === undefined ? {} : { output: nextOutput }),
    },
    lossPointsMax: loss === "" ? Number.NaN : Number(loss),
    kinds: data.getAll("kinds"),
  };
}

function outputOf(choice: string, base: ModelSpec["output"]): ModelSpec["output"] {
  if (choice === choiceOf(base)) return base;
  const known = outputChoices.find((one) => one === choice);
  return known === undefined ? undefined : outputs[known];
}

/** Classes as a person lists them. */
export function classesOf(text: string): readonly string[] {
  return text
    .split(/[,\n]/)
    .map((label) => label.trim())
    .filter((label) => label !== "");
}

/** The sentence for each field of three numbers that does not fit. */
export function triplesProblems(data: FormData): Readonly<Record<string, string>> {
  const [mean, std] = [numbersOf(textOf(data, "mean")), numbersOf(textOf(data, "std"))];
  const isTriple = (of: readonly number[]) => of.length === 3 && of.every(Number.isFinite);
  return {
    ...(mean === undefined || isTriple(mean) ? {} : { mean: tc("ask.three") }),
    ...(std === undefined || (isTriple(std) && !std.includes(0)) ? {} : { std: tc("ask.stdZero") }),
  };
}

const pictureName = /\.(jpe?g|png|webp|tiff?)$/i;

/** What is wrong with the chosen pictures, as one sentence. */
export function picturesProblem(names: readonly string[]): string | undefined {
  if (names.length === 0) return tc("ask.noPictures");
  if (names.length > compileSamplesMax)
    return tc("ask.tooMany", { n: names.length, max: compileSamplesMax });
  const other = names.find((name) => !pictureName.test(name));
  if (other !== undefined) return tc("ask.notPictures", { name: other });
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size);
  return twice === undefined ? undefined : tc("ask.twicePicture", { name: twice });
}
