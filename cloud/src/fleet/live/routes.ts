import { live } from "@fieldloop/shared/contract/live";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../../platform/caller.ts";
import type { Platform } from "../../platform/context.ts";
import { implement } from "../../platform/http.ts";
import { requireInSight } from "../devices/find.ts";
import { findDevice, seesDevice } from "../devices/reads.ts";
import type { LiveFeed, Sink } from "./feed.ts";

export interface LiveRoutesOptions {
  readonly feed: LiveFeed;
  /** The app's own: asked again with every heartbeat, so that a revoked credential ends its streams. */
  readonly authenticate: (request: FastifyRequest) => Promise<Caller | undefined>;
  readonly heartbeatMs?: number;
}

/** Pages count three of these in silence as a broken stream. */
const heartbeatMs = 5000;

const headers = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no", // proxies must not collect events
  connection: "keep-alive",
} as const;

/** The live stream, as server-sent events. */
export function liveRoutes(
  app: FastifyInstance,
  platform: Platform,
  options: LiveRoutesOptions,
): void {
  implement(app, platform.idempotency, live, {
    stream: async ({ query, caller, request, reply }) => {
      const { device: id } = query;
      if (id !== undefined) requireInSight(await findDevice(platform.db, id), caller.scope, id);
      const { scope, acts } = caller;
      const sink = sinkOf(reply);
      const last = request.headers["last-event-id"];
      const who = `${caller.kind}:${caller.id}`;
      const watcher = { scope, acts, device: id };
      const lastId = typeof last === "string" ? last : undefined;
      const stream = options.feed.open(who, watcher, sink, lastId);
      keepAlive(platform, options, { request, reply, caller, device: id, stream });
      return reply;
    },
  });
}

/** Begins the raw reply with the first write, so that a refusal before it is an ordinary answer. */
function sinkOf(reply: FastifyReply): Sink {
  const { raw } = reply;
  let begun = false;
  return {
    write: (text) => {
      if (!begun) {
        begun = true;
        reply.hijack();
        raw.writeHead(200, headers);
      }
      raw.write(text);
      return raw.writableLength;
    },
    close: () => raw.destroy(),
  };
}

interface OpenStream {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly caller: Caller;
  readonly device: string | undefined;
  readonly stream: { readonly close: () => void; readonly beat: () => void };
}

function keepAlive(platform: Platform, options: LiveRoutesOptions, open: OpenStream): void {
  const { request, reply, caller, device, stream } = open;
  const inSight = async () =>
    device === undefined || (await seesDevice(platform.db, caller.scope, device));
  const beat = async () => {
    try {
      const now = await options.authenticate(request);
      if (sameRights(now, caller) && (await inSight())) stream.beat();
      else reply.raw.destroy();
    } catch (error) {
      platform.log.warn({ err: error }, "live stream closed: its caller cannot be checked");
      reply.raw.destroy();
    }
  };
  const timer = setInterval(() => void beat(), options.heartbeatMs ?? heartbeatMs);
  reply.raw.on("close", () => {
    clearInterval(timer);
    stream.close();
  });
}

function sameRights(now: Caller | undefined, then: Caller): boolean {
  const rights = (caller: Caller) => JSON.stringify([caller.id, caller.scope, [...caller.acts]]);
  return now !== undefined && rights(now) === rights(then);
}
