/** For whoever runs the server: is it alive, is it ready, what are its numbers. */
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isLoopback } from "./auth/cookie.ts";
import { requireSignedIn } from "./caller.ts";
import type { Platform } from "./context.ts";
import { histogram, metricsText } from "./metrics.ts";

/** Something without which the server cannot do its work; `check` throws with the reason. */
export interface Readiness {
  readonly name: string;
  readonly check: () => void | Promise<void>;
}

const checkMsMax = 2000;
const hidden = { schema: { hide: true } as object }; // belongs to @fastify/swagger

/**
 * `/healthz` says that the process answers, `/readyz` that everything it needs does, `/metrics` is
 * for Prometheus: open to this machine, elsewhere for API tokens and people.
 */
export function healthRoutes(
  app: FastifyInstance,
  platform: Platform,
  needs: readonly Readiness[],
): void {
  measureRequests(app);
  app.get("/healthz", hidden, async () => ({
    status: "ok",
    version: platform.installation.version,
  }));
  app.get("/readyz", hidden, async () => {
    const failures = (await Promise.all(needs.map(failureOf))).filter((text) => text !== undefined);
    if (failures.length === 0) return { status: "ready" };
    throw new AppError({
      code: "not-ready",
      status: 503,
      retryable: true,
      message: failures.join("; "),
    });
  });
  app.get("/metrics", hidden, async (request, reply) => {
    if (!isThisMachine(request)) requireSignedIn(request.caller);
    const { type, text } = await metricsText();
    return reply.type(type).send(text);
  });
}

function isThisMachine(request: FastifyRequest): boolean {
  return isLoopback(request.ip.replace(/^::ffff:/, ""));
}

async function failureOf({ name, check }: Readiness): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${checkMsMax} ms`)), checkMsMax);
  });
  try {
    await Promise.race([check(), late]);
    return undefined;
  } catch (error) {
    return `${name}: ${messageOf(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

function measureRequests(app: FastifyInstance): void {
  const seconds = histogram({
    name: "fieldloop_http_request_seconds",
    help: "Time to answer, by route and status",
    labels: ["method", "route", "status"],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    seconds.observe(labels, reply.elapsedTime / 1000);
  });
}
