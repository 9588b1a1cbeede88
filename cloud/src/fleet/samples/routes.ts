import { deviceSamples, samples } from "@fieldloop/shared/contract/samples";
import { sampleLimits } from "@fieldloop/shared/samples/sample";
import type { FastifyInstance } from "fastify";
import type { Caller } from "../../platform/caller.ts";
import { implement } from "../../platform/http.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { readBounded } from "../../platform/read-bounded.ts";
import { createWatchLog } from "../devices/watch.ts";
import { announceSample, type Receiving, takePiece } from "./receive.ts";
import { cursorOf, noSuchSample, placeOf, type StoredSample, viewOf } from "./samples.ts";
import { deleteSample, findSample, pageOfSamples } from "./store.ts";

/** Hard samples: what devices hand over, and what people see of it. */
export function sampleRoutes(app: FastifyInstance, receiving: Receiving): void {
  addReceiving(app, receiving);
  addLooking(app, receiving);
}

function addReceiving(app: FastifyInstance, receiving: Receiving): void {
  implement(app, receiving.platform.idempotency, deviceSamples, {
    announce: ({ params, body, caller }) =>
      announceSample(receiving, caller.id, params.digest, body),
    piece: async ({ params, query, caller, request }) => {
      const bytes = await readBounded(request.body, sampleLimits.pieceBytesMax, "a piece");
      const piece = { offset: query.offset, bytes };
      return await takePiece(receiving, caller.id, params.digest, piece);
    },
  });
}

function addLooking(app: FastifyInstance, { platform, files }: Receiving): void {
  const looks = createWatchLog();
  const find = async (caller: Caller, device: string, digest: string): Promise<StoredSample> => {
    const sample = await findSample(platform.db, device, digest, caller.scope);
    if (sample === undefined) throw noSuchSample(device, digest);
    return sample;
  };
  implement(app, platform.idempotency, samples, {
    list: async ({ query, caller }) => {
      const { limit, cursor, device, camera, reason, label, from, to } = query;
      const { items, total } = await pageOfSamples(
        platform.db,
        { scope: caller.scope, device, camera, reason, label, from, to },
        { limit: limit + 1, after: cursor === undefined ? undefined : placeOf(cursor) },
      );
      const page = items.slice(0, limit);
      const last = page.at(-1);
      const next = items.length > limit && last !== undefined ? cursorOf(last) : null;
      return { items: page.map(viewOf), next, total };
    },
    get: async ({ params, caller }) => viewOf(await find(caller, params.device, params.digest)),
    image: async ({ params, caller, reply }) => {
      const { device, digest } = params;
      await find(caller, device, digest);
      const jpeg = await files.read(device, digest);
      if (jpeg === undefined) throw noSuchSample(device, digest);
      const now = platform.now();
      if (looks.isNew(caller, device, now)) {
        const entry = { actor: caller.name, act: "media:view", subject: `device:${device}` };
        await appendAudit(platform.db, { ...entry, detail: { samples: true } }, now);
      }
      return reply
        .type("image/jpeg")
        .header("cache-control", "private, max-age=31536000, immutable")
        .send(jpeg);
    },
    remove: async ({ params, caller }) => {
      const { device, digest } = params;
      await find(caller, device, digest);
      await platform.db.transaction().execute(async (tx) => {
        await deleteSample(tx, device, digest);
        const entry = { actor: caller.name, act: "samples:remove", subject: `device:${device}` };
        await appendAudit(tx, { ...entry, detail: { digest } }, platform.now());
      });
      await files.remove(device, digest);
    },
  });
}
