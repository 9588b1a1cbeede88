import { type LiveEvent, liveEvent } from "@fieldloop/shared/contract/live";
import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { afterAll, describe, expect, it } from "vitest";
import type { Caller } from "../../platform/caller.ts";
import { insertDevice, markRemoved } from "../devices/store/devices.ts";
import { createLiveFeed } from "./feed.ts";
import { createDeviceNews } from "./publish.ts";
import { liveRoutes } from "./routes.ts";

const { platform, db, clock } = await testPlatform();
const feed = createLiveFeed(platform.live, { streamsPerCallerMax: 2, everyMs: 10 });
const news = createDeviceNews(platform);
let caller: Caller | undefined = admin;
const options = { feed, authenticate: async () => caller, heartbeatMs: 50 };
const app = await testApp(platform, [(a) => liveRoutes(a, platform, options)], () => admin);
const url = `${await app.listen({ host: "127.0.0.1", port: 0 })}/api/v1/live`;
afterAll(() => {
  news.stop();
  feed.stop();
});
for (const [id, site] of [
  ["cam-1", "a"],
  ["cam-2", null],
] as const) {
  const device = {
    id,
    role: "camera",
    profile: "pi-5",
    site,
    group: null,
    secretHash: "0",
  } as const;
  await insertDevice(db, device, clock.now);
}

/** Opens the stream; `next` resolves with the next event. */
async function listen(query = "", lastEventId?: string) {
  const stop = new AbortController();
  const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const response = await fetch(`${url}${query}`, { signal: stop.signal, headers });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const next = async (): Promise<LiveEvent | "ended"> => {
    for (;;) {
      const [, data] = text.match(/^data: (.*)\n\n/m) ?? [];
      if (data !== undefined) {
        text = text.slice(text.indexOf(data) + data.length);
        if (data === "{}") continue; // a ping
        return liveEvent.parse(JSON.parse(data));
      }
      const chunk = await reader?.read().catch(() => undefined);
      if (chunk?.value === undefined) return "ended";
      text += chunk.value;
    }
  };
  return { response, next, stop: () => stop.abort() };
}

describe("GET /api/v1/live", () => {
  it("carries a changed device to whoever watches, unbuffered", async () => {
    const stream = await listen();
    expect(Object.fromEntries(stream.response.headers)).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    news.changed("cam-1");
    news.changed("nobody");
    news.changed("cam-1");
    expect(await stream.next()).toMatchObject({
      kind: "device",
      device: { id: "cam-1", site: "a", status: "pending" },
    });
    platform.live.publish({ kind: "device-removed", id: "cam-9" });
    expect(await stream.next()).toEqual({ kind: "device-removed", id: "cam-9" });
    stream.stop();
  });

  it("limits frames to the device that was asked for, and refuses unknown ones", async () => {
    const stream = await listen("?device=cam-2");
    for (const device of ["cam-1", "cam-2"])
      platform.live.publish({ kind: "frame", device, at: 1, result: {} });
    expect(await stream.next()).toMatchObject({ kind: "frame", device: "cam-2" });
    stream.stop();
    const unknown = await fetch(`${url}?device=cam-9`);
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get("content-type")).toContain("application/problem+json");
  });

  it("asks whoever comes back with a foreign id to fetch everything", async () => {
    const stream = await listen("", "earlier-12");
    expect(await stream.next()).toEqual({ kind: "resync" });
    stream.stop();
  });

  it("refuses more streams than one caller may have", async () => {
    await expect.poll(() => feed.streams).toBe(0);
    const streams = [await listen(), await listen()];
    const refused = await fetch(url);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: "too-many-streams" });
    for (const stream of streams) stream.stop();
    await expect.poll(() => feed.streams).toBe(0);
  });

  it("ends when the caller's credential does", async () => {
    const stream = await listen();
    caller = undefined;
    expect(await stream.next()).toBe("ended");
    caller = admin;
  });

  it("ends when the device it is about has left the caller's sight", async () => {
    const stream = await listen("?device=cam-2");
    await markRemoved(db, "cam-2", clock.now);
    expect(await stream.next()).toBe("ended");
  });
});
