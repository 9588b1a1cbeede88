/** What devices download: manifests, model files and golden images, whole or in parts. */
import { pipeline, type Readable, Transform } from "node:stream";
import { deviceApi } from "@fieldloop/shared/contract/device-api";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyInstance, FastifyReply } from "fastify";
import { desiredModelOf } from "../../fleet/devices/reads.ts";
import type { Platform } from "../../platform/context.ts";
import type { Db } from "../../platform/db.ts";
import { implement } from "../../platform/http.ts";
import { counter } from "../../platform/metrics.ts";
import { versionsToMeasure } from "../benchmarks/reads.ts";
import { modelNeedsBlob, versionNeedsBlob } from "../registry/reads.ts";
import { answerRange } from "./range.ts";

export const blobBytesSent = counter({
  name: "fieldloop_blob_bytes_sent_total",
  help: "Bytes of models, manifests and golden images that devices have downloaded",
});
const blobRequests = counter({
  name: "fieldloop_blob_requests_total",
  help: "Downloads by what was answered: whole, part, or unsatisfiable",
  labels: ["answer"],
});

/** Adds the download for devices. */
export function distributionRoutes(app: FastifyInstance, platform: Platform): void {
  implement(
    app,
    platform.idempotency,
    { blob: deviceApi.blob },
    {
      blob: async ({ params: { digest }, caller, request: { headers, method }, reply }) => {
        const bytes = await sizeFor(platform, caller.id, digest);
        const etag = `"${digest}"`;
        const ifRange = headers["if-range"];
        const answer = answerRange(headers.range, one(ifRange), etag, bytes);
        reply.header("accept-ranges", "bytes").header("etag", etag);
        // The bytes of a digest never change; only the device that asked may keep them.
        reply.header("cache-control", "private, max-age=31536000, immutable");
        blobRequests.inc({ answer: answer.kind });
        if (answer.kind === "unsatisfiable") return refuseRange(reply, bytes);
        const { start, end } = answer.kind === "part" ? answer : { start: 0, end: bytes - 1 };
        if (answer.kind === "part")
          reply.code(206).header("content-range", `bytes ${start}-${end}/${bytes}`);
        reply.type("application/octet-stream").header("content-length", end - start + 1);
        const body = platform.blobs.read(digest, { start, end });
        return method === "HEAD" ? body : counted(body); // a HEAD's body is read and not sent
      },
    },
  );
}

/**
 * Size of a blob the device may have: one that any version of the model it is meant to run needs,
 * so that it can also go back, or one of a version that it is asked to measure.
 */
async function sizeFor({ db, blobs }: Platform, device: string, digest: string): Promise<number> {
  const model = await desiredModelOf(db, device);
  const allowed =
    (model !== undefined && (await modelNeedsBlob(db, model.name, digest))) ||
    (await isMeasured(db, device, digest));
  const bytes = allowed ? await blobs.size(digest) : undefined;
  if (bytes !== undefined) return bytes;
  const meant = model === undefined ? "no model" : `the model ${model.name}`;
  throw new AppError({
    code: "no-such-blob",
    status: 404,
    message: `there is nothing with SHA-256 ${digest} for this device, which is meant to run ${meant}; fetch the desired document again`,
  });
}

async function isMeasured(db: Db, device: string, digest: string): Promise<boolean> {
  for (const version of await versionsToMeasure(db, device))
    if (await versionNeedsBlob(db, version, digest)) return true;
  return false;
}

function refuseRange(reply: FastifyReply, bytes: number): never {
  reply.header("content-range", `bytes */${bytes}`);
  throw new AppError({
    code: "range",
    status: 416,
    message: `the range begins after the last of ${bytes} bytes; fetch it from the start`,
  });
}

function counted(source: Readable): Readable {
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      blobBytesSent.inc(chunk.byteLength);
      done(null, chunk);
    },
  });
  // Either end closes the other; the reply sees the error, so there is nothing more to do with it.
  return pipeline(source, counter, () => {});
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(",") : header;
}
