import { compilations as contract } from "@fieldloop/shared/contract/compilations";
import type { FastifyInstance } from "fastify";
import type { Platform } from "../../platform/context.ts";
import { implement } from "../../platform/http.ts";
import { reportOf } from "../registry/report.ts";
import type { Trial } from "../registry/trial-messages.ts";
import { listedMax } from "./compilation.ts";
import { type Compilations, noSuchCompilation } from "./compilations.ts";
import { startCompilation } from "./start.ts";
import { findCompilation, listCompilations } from "./store.ts";

/** Names, labels and digests of as many pictures as may be given. */
const bodyBytesMax = 8 * 1024 * 1024;

export interface CompilationRoutesOptions {
  readonly trial: Trial;
  readonly compilations: Pick<Compilations, "kick" | "cancel">;
}

/** Adds the routes of compilations. */
export function compilationRoutes(
  app: FastifyInstance,
  platform: Platform,
  { trial, compilations }: CompilationRoutesOptions,
): void {
  const { db, idempotency } = platform;
  implement(
    app,
    idempotency,
    contract,
    {
      start: async ({ body, caller }) => {
        const started = await startCompilation(platform, trial, body, caller.name);
        compilations.kick();
        return started;
      },
      list: async () => ({ items: await listCompilations(db, listedMax) }),
      get: async ({ params: { id } }) => {
        const found = await findCompilation(db, id);
        if (found === undefined) throw noSuchCompilation(id);
        const { name, version, state } = found;
        const report = state === "succeeded" ? await reportOf(platform, name, version) : null;
        return { ...found, report };
      },
      cancel: ({ params: { id }, caller }) => compilations.cancel(id, caller.name),
    },
    { bodyBytesMax },
  );
}
