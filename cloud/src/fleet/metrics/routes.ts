import { devices, quarantine } from "@fieldloop/shared/contract/devices";
import { AppError } from "@fieldloop/shared/errors";
import { inScope, type Scope } from "@fieldloop/shared/permissions";
import type { FastifyInstance } from "fastify";
import type { Platform } from "../../platform/context.ts";
import type { Db } from "../../platform/db.ts";
import { implement } from "../../platform/http.ts";
import { findDevices, seesDevice } from "../devices/reads.ts";
import {
  accuracyOf,
  eventsOf,
  quarantinedDevices,
  quarantinePage,
  resultsOf,
  windowsOf,
} from "../ingest/reads.ts";
import { decodeId, decodePlace, pageFrom } from "./page.ts";
import { rangeOf, seriesLimits, toSeries } from "./series.ts";
import { accuracySteps } from "./store.ts";

const { series, results, events, accuracy, accuracySeries } = devices;
const dayMs = 86_400_000;

/** Adds what people ask about devices' numbers, all within the caller's scope. */
export function metricsRoutes(app: FastifyInstance, platform: Platform): void {
  const { db } = platform;
  implement(
    app,
    platform.idempotency,
    { series, results, events, accuracy, accuracySeries },
    {
      series: async ({ params, query, caller }) => {
        await requireDevice(db, caller.scope, params.id);
        const range = rangeOf(defined(query), platform.now());
        const windows = await windowsOf(db, params.id, range, seriesLimits.windowsMax + 1);
        if (windows.length > seriesLimits.windowsMax) throw tooManyWindows();
        return { stepMs: range.stepMs, points: toSeries(windows, range.stepMs) };
      },
      results: async ({ params, query, caller }) => {
        await requireDevice(db, caller.scope, params.id);
        const after = decodePlace(query.cursor);
        return pageFrom(await resultsOf(db, params.id, after, query.limit + 1), query.limit);
      },
      events: async ({ params, query, caller }) => {
        await requireDevice(db, caller.scope, params.id);
        const after = decodePlace(query.cursor);
        return pageFrom(await eventsOf(db, params.id, after, query.limit + 1), query.limit);
      },
      accuracy: async ({ query, caller }) => {
        const { from, to } = rangeOf(
          { from: platform.now() - dayMs, stepMs: Number.MAX_SAFE_INTEGER, ...defined(query) },
          platform.now() + 1, // what arrived in this very millisecond counts
        );
        const items = await accuracyOf(db, { from: new Date(from), to: new Date(to) });
        const seen = await visibleOf(
          db,
          caller.scope,
          items.map((item) => item.device),
        );
        return { items: items.filter((item) => seen.has(item.device)) };
      },
      accuracySeries: async ({ params, query, caller }) => {
        await requireDevice(db, caller.scope, params.id);
        const range = rangeOf(defined(query), platform.now());
        return { stepMs: range.stepMs, points: await accuracySteps(db, params.id, range) };
      },
    },
  );
  implement(app, platform.idempotency, quarantine, {
    list: async ({ query, caller }) => {
      const before = decodeId(query.cursor);
      const among = await quarantineScope(db, caller.scope, query.device);
      const rows = await quarantinePage(db, among, before, query.limit + 1);
      const items = rows.slice(0, query.limit).map((row) => ({ ...row, id: String(row.id) }));
      return { items, next: rows.length > query.limit ? (items.at(-1)?.id ?? null) : null };
    },
  });
}

/** Devices whose refused messages the caller may see; `undefined` for all, removed ones too. */
async function quarantineScope(
  db: Db,
  scope: Scope,
  device: string | undefined,
): Promise<readonly string[] | undefined> {
  if (scope.sites === null && scope.groups === null)
    return device === undefined ? undefined : [device];
  if (device === undefined) return [...(await visibleOf(db, scope, await quarantinedDevices(db)))];
  await requireDevice(db, scope, device);
  return [device];
}

async function visibleOf(db: Db, scope: Scope, ids: readonly string[]): Promise<Set<string>> {
  const found = await findDevices(db, ids);
  return new Set(
    found.filter(({ site, group }) => inScope(scope, site, group)).map((device) => device.id),
  );
}

async function requireDevice(db: Db, scope: Scope, id: string): Promise<void> {
  if (await seesDevice(db, scope, id)) return;
  throw new AppError({
    code: "not-found",
    status: 404,
    message: `there is no device ${id} that you may see`,
  });
}

function tooManyWindows(): AppError {
  return new AppError({
    code: "range",
    message: `the range holds more than ${seriesLimits.windowsMax} telemetry windows; ask for a shorter one`,
  });
}

/** Leaves out what was not given, which spreading and exact optional properties need. */
function defined<T extends object>(query: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as { [K in keyof T]?: Exclude<T[K], undefined> }; // the same keys, without undefined
}
