import type { Readable } from "node:stream";
import { models } from "@fieldloop/shared/contract/models";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyInstance } from "fastify";
import type { Platform } from "../../platform/context.ts";
import { implement } from "../../platform/http.ts";
import { promote, requireVersion } from "./promote.ts";
import { readManifest } from "./reads.ts";
import { registerVersion } from "./register.ts";
import { reportOf } from "./report.ts";
import { createTrialRunner } from "./run-trial.ts";
import type { Trial } from "./trial-messages.ts";
import { uploadBlob } from "./upload-blob.ts";
import { modelSummaries, versionView, versionViews, withoutName } from "./views.ts";

export interface ModelOptions {
  /** Default: in a process of its own. */
  readonly trial?: Trial;
  /** Hears of every device that a promotion moved, after the commit. */
  readonly changed?: (device: string) => void;
}

/** Adds the routes of models and of the blobs they are made of. */
export function modelRoutes(
  app: FastifyInstance,
  platform: Platform,
  { trial = createTrialRunner(), changed = () => {} }: ModelOptions = {},
): void {
  const { db, blobs } = platform;
  implement(app, platform.idempotency, models, {
    list: async () => ({ items: await modelSummaries(db) }),
    versions: async ({ params }) => ({ items: await versionViews(db, params.name) }),
    version: async ({ params: { name, version } }) => {
      const view = await versionView(db, await requireVersion(db, name, version));
      return { ...view, document: await readManifest(db, name, version) };
    },
    report: ({ params: { name, version } }) => versionReport(platform, name, version),
    register: async ({ body, caller }) => {
      const { version, document } = await registerVersion(platform, trial, body, caller.name);
      return { ...(await versionView(db, version)), document };
    },
    promote: async ({ params: { name, alias }, body: { version }, caller }) => {
      const { moved, ...now } = await promote(platform, { name, alias, version }, caller);
      for (const { id } of moved) changed(id);
      return { ...withoutName(now), devices: moved.length };
    },
    uploadBlob: async ({ params: { digest }, request, caller }) => {
      const announced = request.headers["content-length"];
      return await uploadBlob(platform, {
        digest,
        body: requireBody(request.body),
        announcedBytes: announced === undefined ? undefined : Number(announced),
        by: caller.name,
      });
    },
    hasBlob: async ({ params: { digest } }) => {
      const bytes = await blobs.size(digest);
      if (bytes === undefined) throw noSuchBlob(digest);
      return { digest, bytes };
    },
  });
}

async function versionReport(platform: Platform, name: string, version: string) {
  await requireVersion(platform.db, name, version);
  return await reportOf(platform, name, version);
}

function requireBody(body: unknown): Readable {
  if (body !== null && typeof body === "object" && "pipe" in body) return body as Readable; // the app's parser hands over the stream
  throw new AppError({
    code: "no-body",
    status: 400,
    message: "send the bytes as the body, with Content-Type: application/octet-stream",
  });
}

function noSuchBlob(digest: string): AppError {
  return new AppError({
    code: "no-such-blob",
    status: 404,
    message: `no bytes with SHA-256 ${digest} are stored here; upload them first`,
  });
}
