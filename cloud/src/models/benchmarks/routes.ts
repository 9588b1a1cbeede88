import { benchmarks as contract } from "@fieldloop/shared/contract/benchmarks";
import { inScope, type Scope } from "@fieldloop/shared/permissions";
import type { FastifyInstance } from "fastify";
import { findDevices } from "../../fleet/devices/reads.ts";
import type { Platform } from "../../platform/context.ts";
import { implement } from "../../platform/http.ts";
import { requireVersion } from "../registry/promote.ts";
import { expiredSentence, listedMax, tooOld } from "./benchmarks.ts";
import { finishBenchmark } from "./finish.ts";
import { startBenchmark } from "./start.ts";
import { expireOrders, listBenchmarks, listOrders } from "./store.ts";

/** Adds the routes of measurements on devices, for people and for the devices. */
export function benchmarkRoutes(app: FastifyInstance, platform: Platform): void {
  const { db } = platform;
  const expire = () => {
    const now = platform.now();
    return expireOrders(db, tooOld(now), expiredSentence, now);
  };
  implement(app, platform.idempotency, contract, {
    start: async ({ params, body, caller }) => {
      await expire();
      return await startBenchmark(platform, { ...params, ...body }, caller);
    },
    list: async ({ params: { name, version }, caller }) => {
      await requireVersion(db, name, version);
      await expire();
      return { items: await listInScope(platform, name, version, caller.scope) };
    },
    orders: async ({ caller }) => {
      await expire();
      return { items: await listOrders(db, caller.id) };
    },
    finish: ({ params: { id }, body, caller }) => finishBenchmark(platform, caller.id, id, body),
  });
}

/** Who sees a part of the fleet sees what was measured there; what removed devices measured is for the others. */
async function listInScope({ db }: Platform, name: string, version: string, scope: Scope) {
  const items = await listBenchmarks(db, name, version, listedMax);
  if (scope.sites === null && scope.groups === null) return items;
  const devices = await findDevices(db, [...new Set(items.map(({ device }) => device))]);
  const seen = new Set(
    devices.filter(({ site, group }) => inScope(scope, site, group)).map(({ id }) => id),
  );
  return items.filter(({ device }) => seen.has(device));
}
