/** What a compilation on the server is sent: the same that compiling here reads, as files. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { describeFile, type LocalFile } from "../upload.ts";
import { readLabels, readModelInputs } from "./inputs.ts";

export interface CompilationFiles {
  readonly spec: Omit<ModelSpec, "golden">;
  readonly model: LocalFile;
  readonly goldens: readonly LocalFile[];
  readonly samples: readonly {
    readonly name: string;
    readonly label: string | undefined;
    readonly file: LocalFile;
  }[];
  /** Removes the copy of a model whose weights lay in a second file. */
  readonly dispose: () => Promise<void>;
}

/** @throws AppError with one sentence for each thing that can be wrong with the inputs */
export async function readCompilationFiles(
  modelPath: string,
  paths: { readonly manifest: string; readonly calibration: string; readonly labels?: string },
): Promise<CompilationFiles> {
  const { file, spec, completed } = await readModelInputs(modelPath, paths.manifest);
  const labels = await readLabels(paths.labels, completed);
  const { listPictures } = await import("@fieldloop/cloud/models/compiler/samples");
  const names = await listPictures(paths.calibration, completed.variant.input, labels);
  const samples: CompilationFiles["samples"][number][] = [];
  for (const name of names) {
    const described = await describeFile(join(paths.calibration, name), "picture");
    samples.push({ name, label: labels?.get(name), file: described });
  }
  const { golden = [], ...rest } = spec;
  const goldens: LocalFile[] = [];
  for (const name of golden)
    goldens.push(await describeFile(resolve(dirname(paths.manifest), name), "golden image"));
  const folder = await mkdtemp(join(tmpdir(), "fieldloop-compile-"));
  const whole = join(folder, basename(modelPath));
  await writeFile(whole, file);
  const model = await describeFile(whole, "model");
  const dispose = () => rm(folder, { recursive: true, force: true });
  return { spec: rest, model, goldens, samples, dispose };
}
