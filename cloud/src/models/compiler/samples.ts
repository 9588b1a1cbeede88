/** Reads a folder of pictures, with or without labels, into samples of a model's size. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { ModelInput } from "@fieldloop/shared/manifest/model";
import { loadPixels } from "@fieldloop/shared-node/image";
import type { Sample } from "./evaluate.ts";

const pictureName = /\.(jpe?g|png|webp|tiff?)$/i;
/** Pixels of all samples together; every trial of the search goes over them. */
export const samplesBytesMax = 1024 * 2 ** 20;
export const samplesMax = 5000;
const unreadableShown = 3;

/**
 * Reads every picture of a folder, in the order of their names.
 * @param labels true class by file name; a picture without one serves calibration only
 * @throws AppError `no-samples` where there is none, `bad-sample` where pictures cannot be read
 */
export async function readSamples(
  folder: string,
  input: Pick<ModelInput, "width" | "height" | "fit">,
  labels: ReadonlyMap<string, string> | undefined,
  progress?: (share: number) => void,
): Promise<readonly Sample[]> {
  const names = await listPictures(folder, input, labels);
  const samples: Sample[] = [];
  const broken: string[] = [];
  for (const name of names) {
    try {
      const image = { kind: "encoded", bytes: await readFile(join(folder, name)) } as const;
      const pixels = await loadPixels(image, { size: input, fit: input.fit }, name);
      samples.push({ name, pixels, label: labels?.get(name) ?? null });
    } catch (error) {
      broken.push(messageOf(error)); // told all at once below
    }
    progress?.((samples.length + broken.length) / names.length);
  }
  if (broken.length > 0) throw unreadable(folder, broken, names.length);
  return samples;
}

/**
 * Names of the pictures of a folder, sorted.
 * @throws AppError where there is none, a label names another one, or there are too many
 */
export async function listPictures(
  folder: string,
  input: Size,
  labels: ReadonlyMap<string, string> | undefined,
): Promise<readonly string[]> {
  const names = await pictureNames(folder);
  checkNames(folder, names, labels);
  checkSize(folder, names.length, input);
  return names;
}

async function pictureNames(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new AppError({
      code: "no-samples",
      message: isMissing(cause)
        ? `There is no folder ${folder} to calibrate with`
        : `The calibration folder ${folder} cannot be read: ${messageOf(cause)}`,
      cause,
    });
  });
  return names.filter((name) => pictureName.test(name) && !name.startsWith(".")).sort();
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

function checkNames(
  folder: string,
  names: readonly string[],
  labels: ReadonlyMap<string, string> | undefined,
): void {
  if (names.length === 0)
    throw new AppError({
      code: "no-samples",
      message: `There is no picture in the calibration folder ${folder}: put 100 to 1000 frames there as the cameras take them (JPEG, PNG, WebP or TIFF)`,
    });
  const missing = [...(labels?.keys() ?? [])].find((name) => !names.includes(name));
  if (missing !== undefined)
    throw new AppError({
      code: "bad-labels",
      message: `The labels name ${missing}, and there is no such picture in ${folder}`,
    });
}

function checkSize(folder: string, count: number, { width, height }: Size): void {
  const most = Math.min(samplesMax, Math.floor(samplesBytesMax / (3 * width * height)));
  if (count <= most) return;
  throw new AppError({
    code: "too-many-samples",
    message: `${folder} holds ${count} pictures; at most ${most} of ${width} x ${height} pixels can be used at once, so take some out`,
  });
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function unreadable(folder: string, broken: readonly string[], count: number): AppError {
  const [first = ""] = broken;
  const more = broken.length === 1 ? "" : ` (and ${broken.length - 1} more like it)`;
  return new AppError({
    code: "bad-sample",
    message: `${broken.length} of ${count} pictures in ${folder} cannot be used: ${first}${more}; take them out or replace them`,
    detail: { problems: broken.slice(0, unreadableShown) },
  });
}

/**
 * Reads `file,label` lines; a first line of just these words is a heading.
 * @throws AppError `bad-labels` with the line
 */
export function parseLabels(
  text: string,
  known: readonly string[],
  path: string,
): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || (i === 0 && /^(file|image|name),label$/i.test(line))) continue;
    const comma = line.lastIndexOf(",");
    const file = unquoted(line.slice(0, comma));
    const label = unquoted(line.slice(comma + 1));
    const refuse = (why: string): AppError =>
      new AppError({ code: "bad-labels", message: `${path}:${i + 1} ${why}` });
    if (comma < 1 || file === "" || label === "")
      throw refuse("is not of the form file,label, for example 0001.jpg,clean");
    if (!known.includes(label))
      throw refuse(`names the class ${label}; the model knows ${known.join(", ")}`);
    if (labels.has(file)) throw refuse(`names ${file} a second time`);
    labels.set(file, label);
  }
  if (labels.size === 0)
    throw new AppError({ code: "bad-labels", message: `${path} names no picture` });
  return labels;
}

function unquoted(text: string): string {
  return text
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .trim();
}
