import { deviceApi, previewBytesMax, previewHeader } from "@fieldloop/shared/contract/device-api";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { createRateLimit } from "../../platform/auth/rate-limit.ts";
import { implement } from "../../platform/http.ts";
import { readBounded } from "../../platform/read-bounded.ts";
import { desiredOf } from "./devices.ts";
import { enrol } from "./enrol.ts";
import { noSuchDevice } from "./find.ts";
import type { Fleet } from "./fleet.ts";
import { isJpeg, parsePreviewHeader } from "./preview.ts";
import { findDevice } from "./reads.ts";

/** What devices call themselves; blobs belong to `models/distribution`. */
export function deviceApiRoutes(app: FastifyInstance, fleet: Fleet): void {
  const { platform, previews, news } = fleet;
  const { demo } = platform.installation;
  // A rack of devices behind one address may enrol at once; guessing a claim token is hopeless anyway.
  const what = "enrolments";
  const enrolments = createRateLimit({ burst: 300, refillMs: 200, keysMax: 10_000, what });
  const { enrol: enrolment, desired, preview } = deviceApi;
  implement(
    app,
    platform.idempotency,
    { enrol: enrolment, desired, preview },
    {
      enrol: async ({ body, request }) => {
        enrolments.take(request.ip, platform.now());
        const reply = await enrol(platform, body);
        news.changed(reply.deviceId);
        return reply;
      },
      desired: async ({ caller }) => {
        const device = await findDevice(platform.db, caller.id);
        if (device === undefined) throw noSuchDevice([caller.id]);
        return desiredOf(device, demo, platform.now());
      },
      preview: async ({ caller, request }) => {
        const result = parsePreviewHeader(request.headers[previewHeader]);
        const jpeg = await readPreview(request);
        const now = platform.now();
        const device = await findDevice(platform.db, caller.id);
        const until = device?.previewUntil ?? null;
        if (until === null || until <= now) throw notWatched();
        previews.put(caller.id, { at: now, jpeg }, until);
        platform.live.publish({ kind: "frame", device: caller.id, at: now, result });
      },
    },
  );
}

async function readPreview(request: FastifyRequest): Promise<Buffer> {
  const jpeg = await readBounded(request.body, previewBytesMax, "a preview");
  if (isJpeg(jpeg)) return jpeg;
  throw new AppError({ code: "not-a-jpeg", status: 415, message: "a preview is one JPEG image" });
}

function notWatched(): AppError {
  return new AppError({
    code: "not-watched",
    status: 409,
    message: "nobody watches this device now; send frames only until the desired preview ends",
  });
}
