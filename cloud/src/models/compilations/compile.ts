/**
 * One compilation from files to files. All of this happens on bytes somebody sent, so the server
 * never calls it itself but in a process of its own (`compile-run.ts`).
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CompileStage } from "@fieldloop/shared/contract/compilations";
import { pushedOf } from "@fieldloop/shared/contract/models";
import { AppError } from "@fieldloop/shared/errors";
import { referenceVariant } from "@fieldloop/shared/manifest/model";
import { canonicalJson } from "@fieldloop/shared-node/crypto/canonical-json";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { completeSpec } from "@fieldloop/shared-node/onnx/complete-spec";
import { readOnnxInfo } from "@fieldloop/shared-node/onnx/metadata";
import { type Compiled, compileModel } from "../compiler/compile.ts";
import { specToRegister } from "./compilation.ts";
import type { CompileMessage, CompileRequest, CompileResult } from "./compile-messages.ts";
import { readPictures } from "./pictures.ts";

/**
 * Compiles and writes what comes of it into the request's folder.
 * @param tell hears of progress and of every trial
 * @throws AppError with one sentence where the model or the pictures cannot be used
 */
export async function compile(
  request: CompileRequest,
  tell: (message: Extract<CompileMessage, { kind: "progress" | "trial" }>) => void,
): Promise<CompileResult> {
  const file = await readFile(request.modelPath);
  const name = `${request.spec.name}.onnx`;
  const completed = completeSpec(request.spec, await readOnnxInfo(file, name));
  if (completed.kind === "problems")
    throw new AppError({
      code: "bad-manifest",
      message: `the manifest and the model do not fit together: ${completed.problems[0]}`,
    });
  const { manifest, variant } = completed;
  const progress = (stage: CompileStage, share: number) =>
    tell({ kind: "progress", stage, share: Math.min(1, Math.max(0, share)) });
  const compiled = await compileModel({
    file,
    name,
    manifest,
    variant,
    samples: readPictures(request.samples, variant.input, (share) => progress("reading", share)),
    goldens: await Promise.all(
      request.goldens.map(async ({ digest, path }) => ({
        name: `golden image ${digest.slice(0, 12)}`,
        bytes: await readFile(path),
      })),
    ),
    lossPointsMax: request.lossPointsMax,
    kinds: request.kinds,
    knownTrials: request.trials,
    onTrial: (trial) => tell({ kind: "trial", trial: { ...trial, float: [...trial.float] } }),
    progress,
  });
  return await write(request, compiled);
}

async function write(
  { spec, folder }: CompileRequest,
  { manifest, variants, report }: Compiled,
): Promise<CompileResult> {
  const put = async (bytes: Uint8Array) => {
    const digest = sha256Of(bytes);
    const path = join(folder, digest);
    await writeFile(path, bytes);
    return { digest, path };
  };
  const files: CompileResult["files"] = [];
  for (const { bytes } of variants) files.push(await put(bytes));
  const [best] = manifest.variants;
  if (best === undefined) throw new Error("a compilation always gives a variant");
  return {
    kind: "done",
    spec: specToRegister(spec, manifest, best),
    model: referenceVariant(manifest.variants).digest,
    variants: manifest.variants.map(pushedOf),
    files,
    report: await put(new TextEncoder().encode(canonicalJson(report))),
  };
}
