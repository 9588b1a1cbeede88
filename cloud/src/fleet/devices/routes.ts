import { devices } from "@fieldloop/shared/contract/devices";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyInstance } from "fastify";
import { requireAct } from "../../platform/caller.ts";
import { checkMatch, implement, Tagged } from "../../platform/http.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { changeDevice } from "./change.ts";
import { commissionCamera } from "./commission.ts";
import { etagOf, fleetSettings, summaryOf } from "./devices.ts";
import { detailOf, requireInSight, requirePossible } from "./find.ts";
import { announce, type Fleet } from "./fleet.ts";
import { findDevice } from "./reads.ts";
import { requireDemo, setWorld } from "./set-world.ts";
import { lockDevice, markRemoved } from "./store/devices.ts";
import { pageOfDevices } from "./store/list.ts";
import { createWatchLog, watchDevice } from "./watch.ts";

/** Devices, apart from their telemetry, which `fleet/metrics` answers for. */
export function deviceRoutes(app: FastifyInstance, fleet: Fleet): void {
  addReading(app, fleet);
  addChanging(app, fleet);
  addWatching(app, fleet);
}

function addReading(app: FastifyInstance, fleet: Fleet): void {
  const { platform } = fleet;
  const { demo } = platform.installation;
  const { list, get } = devices;
  implement(
    app,
    platform.idempotency,
    { list, get },
    {
      list: async ({ query, caller }) => {
        const now = platform.now();
        const words = (query.q ?? "").split(/\s+/).filter((word) => word !== "");
        const { windowMs } = fleetSettings(demo);
        const { items, total } = await pageOfDevices(
          platform.db,
          { scope: caller.scope, words, windowMs, now },
          { limit: query.limit + 1, after: query.cursor },
        );
        const page = items.slice(0, query.limit);
        const next = items.length > query.limit ? (page.at(-1)?.id ?? null) : null;
        return { items: page.map((device) => summaryOf(device, demo, now)), next, total };
      },
      get: async ({ params, caller }) => {
        const device = await findDevice(platform.db, params.id);
        requireInSight(device, caller.scope, params.id);
        return new Tagged(await detailOf(platform, device), etagOf(device));
      },
    },
  );
}

function addChanging(app: FastifyInstance, fleet: Fleet): void {
  const { platform } = fleet;
  const { update, remove, setScene } = devices;
  const transaction = () => platform.db.transaction();
  implement(
    app,
    platform.idempotency,
    { update, remove, setScene },
    {
      update: async ({ params, body, caller, ifMatch }) => {
        const call = { id: params.id, ifMatch, change: body };
        const { before, after, moved } = await transaction().execute((tx) =>
          changeDevice(tx, call, caller, platform.now()),
        );
        announce(fleet, moved);
        if (before.site !== after.site || before.group !== after.group)
          platform.live.publish({ kind: "device-removed", id: after.id }); // from where it was; it reappears below
        fleet.news.changed(after.id);
        return new Tagged(await detailOf(platform, after), etagOf(after));
      },
      remove: async ({ params, caller, ifMatch }) => {
        const { id } = params;
        await transaction().execute(async (tx) => {
          const device = await lockDevice(tx, id);
          requireInSight(device, caller.scope, id);
          checkMatch(ifMatch, etagOf(device), `device ${id}`);
          requirePossible(device, "remove");
          await markRemoved(tx, id, platform.now());
          const { site, group } = device;
          const entry = { actor: caller.name, act: "devices:remove", subject: `device:${id}` };
          await appendAudit(tx, { ...entry, detail: { site, group } }, platform.now());
        });
        fleet.previews.drop(id);
        fleet.disconnect(id);
        platform.live.publish({ kind: "device-removed", id });
      },
      setScene: async ({ body, caller }) => {
        requireDemo(platform.installation.demo);
        const moved = await transaction().execute((tx) =>
          setWorld(tx, body, caller, platform.now()),
        );
        announce(fleet, moved);
        return { changed: moved.map(({ id }) => id).sort() };
      },
    },
  );
}

function addWatching(app: FastifyInstance, fleet: Fleet): void {
  const { platform } = fleet;
  const { watch, frame, commission } = devices;
  const log = createWatchLog();
  implement(
    app,
    platform.idempotency,
    { watch, frame, commission },
    {
      commission: async ({ params, caller }) => {
        const now = platform.now();
        const moved = await platform.db
          .transaction()
          .execute((tx) => commissionCamera(tx, { ...params, caller }, now));
        announce(fleet, [moved]);
        return { requestedAt: now };
      },
      watch: async ({ params, caller }) => {
        requireAct(caller, "media:view"); // a device takes pictures only for those who may see them
        const { until, moved } = await platform.db
          .transaction()
          .execute((tx) => watchDevice(tx, { id: params.id, caller, log }, platform.now()));
        announce(fleet, moved);
        return { until };
      },
      frame: async ({ params, query, caller, reply }) => {
        const device = await findDevice(platform.db, params.id);
        requireInSight(device, caller.scope, params.id);
        const jpeg = fleet.previews.get(params.id, platform.now(), query.at);
        if (jpeg === undefined) throw noFrame(params.id);
        return reply.type("image/jpeg").header("cache-control", "no-store").send(jpeg);
      },
    },
  );
}

function noFrame(id: string): AppError {
  return new AppError({
    code: "no-frame",
    status: 404,
    message: `there is no live frame of ${id}: nobody watches it, or it has not sent one yet`,
  });
}
