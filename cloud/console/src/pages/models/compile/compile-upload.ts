/** A compilation, step by step: hash and upload model and pictures, then ask for it. */
import { type Compilation, compilations } from "@fieldloop/shared/contract/compilations";
import { client } from "../../../api/client.ts";
import { checkSize, isStored, sha256Of, uploadBlob } from "../../../api/upload.ts";
import { tc } from "../../../text/t-compile.ts";
import type { PushStep } from "../push.ts";
import type { TypedWish } from "./wish.ts";

export interface Material {
  readonly model: File;
  /** Sorted by name: which ones judge depends on their order. */
  readonly pictures: readonly File[];
  readonly labels: ReadonlyMap<string, string>;
}

/** Pictures are small, and each waits for the server's disk. */
const uploadsAtOnce = 4;
/** Asking whether a smaller file is stored costs as much as sending it again, which changes nothing. */
const askFirstBytesMin = 1_000_000;

/**
 * Uploads what the server lacks and starts the compilation.
 * @param signal breaks it off between two files
 * @throws AppError that names what does not fit
 */
export async function startCompilation(
  wish: TypedWish,
  { model, pictures, labels }: Material,
  onStep: (step: PushStep) => void,
  signal: AbortSignal,
): Promise<Compilation> {
  const files = [model, ...pictures];
  for (const file of files) checkSize(file);
  const digests = await uploadAll(files, onStep, signal);
  const bytesTotal = files.reduce((sum, file) => sum + file.size, 0);
  onStep({ text: tc("ask.starting"), bytesDone: bytesTotal, bytesTotal });
  const [modelDigest = "", ...images] = digests;
  return client.call(compilations.start, {
    body: {
      ...wish,
      model: modelDigest,
      samples: pictures.map(({ name }, i) => {
        const label = labels.get(name);
        return { name, image: images[i] ?? "", ...(label === undefined ? {} : { label }) };
      }),
    },
  });
}

/** Digests in the order of the files. */
async function uploadAll(
  files: readonly File[],
  onStep: (step: PushStep) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const bytesTotal = files.reduce((sum, file) => sum + file.size, 0);
  const text = tc("ask.uploading", { n: files.length });
  const sent = files.map(() => 0);
  const tell = (at: number, bytes: number) => {
    sent[at] = bytes;
    onStep({ text, bytesDone: sent.reduce((a, b) => a + b, 0), bytesTotal });
  };
  const digests = files.map(() => "");
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < files.length; at = next++) {
      signal.throwIfAborted();
      const file = files[at];
      if (file === undefined) return;
      const digest = await sha256Of(file);
      if (file.size < askFirstBytesMin || !(await isStored(digest)))
        await uploadBlob(file, digest, (bytes) => tell(at, Math.min(bytes, file.size)));
      digests[at] = digest;
      tell(at, file.size);
    }
  };
  tell(0, 0);
  await Promise.all(Array.from({ length: uploadsAtOnce }, worker));
  signal.throwIfAborted();
  return digests;
}
