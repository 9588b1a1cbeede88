import type { LiveEvent } from "@fieldloop/shared/contract/live";
import { actNames, everywhere } from "@fieldloop/shared/permissions";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLiveHub } from "../../platform/live.ts";
import { createLiveFeed, type LiveFeedLimits } from "./feed.ts";
import { filterEvent, type Watcher } from "./filter.ts";
import { createRing } from "./ring.ts";

const everything: Watcher = { scope: everywhere, acts: new Set(actNames), device: "cam-1" };
const window = (device: string): LiveEvent => {
  const numbers = { fps: 2, results: 1, dropped: 0, errors: 0 };
  const point = { at: 1, ...numbers, p50Ms: 1, p95Ms: 1, confidence: 1, classes: {}, facts: {} };
  return { kind: "window", device, point };
};
const device = (id: string, site: string | null, fps = 1): LiveEvent => ({
  kind: "device",
  device: {
    ...{ id, role: "camera", profile: "pi-5", site, group: null, status: "online" },
    ...{ lastSeen: 1, enrolledAt: 1, agentVersion: null, follows: null, model: null },
    ...{ desiredModel: null, update: null, world: null },
    latest: { at: 1, fps, p50Ms: null, p95Ms: null, confidence: null, dropped: 0, errors: 0 },
  } as Extract<LiveEvent, { kind: "device" }>["device"],
});
const model: LiveEvent = { kind: "model", name: "egg" };
const resync: LiveEvent = { kind: "resync" };

describe("a watcher's filter", () => {
  const local: Watcher = { ...everything, scope: { sites: ["a"], groups: null } };
  const frame: LiveEvent = { kind: "frame", device: "cam-1", at: 1, result: {} };
  const blind = { ...everything, acts: new Set(["devices:read"] as const) };
  const removed: LiveEvent = { kind: "device-removed", id: "cam-1" };

  it.each([
    ["shows devices in scope", device("cam-1", "a"), local, true],
    ["hides devices out of scope", device("cam-1", "b"), local, false],
    ["hides devices without a site from those who see one", device("cam-1", null), local, false],
    ["shows the watched device's windows", window("cam-1"), everything, true],
    ["hides other devices' windows", window("cam-2"), everything, false],
    [
      "hides windows from whoever watches none",
      window("cam-1"),
      { ...local, device: undefined },
      false,
    ],
    ["shows frames to those who may see pictures", frame, everything, true],
    ["hides frames from all others", frame, blind, false],
    ["hides models from those who may not read them", model, blind, false],
    ["shows removals to those who see all", removed, everything, true],
  ] as const)("%s", (_, event, watcher, shown) => {
    expect(filterEvent(event, watcher)).toEqual(shown ? event : undefined);
  });

  it("tells those who see a part only to look again when something is gone", () => {
    expect(filterEvent(removed, local)).toEqual(resync);
  });
});

describe("the ring", () => {
  it("replays exactly what came after an id, or says that it cannot", () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 10 }), fc.nat(45), (pushed, size, last) => {
        const ring = createRing("boot", size);
        for (let i = 0; i < pushed; i++) ring.push(model);
        const replayed = ring.after(`boot-${last}`)?.map(({ number }) => number);
        const possible = last <= pushed && pushed - last <= size;
        const numbers = Array.from({ length: Math.max(0, pushed - last) }, (_, i) => last + i + 1);
        expect(replayed).toEqual(possible ? numbers : undefined);
      }),
    );
  });

  it.each(["", "other-1", "boot-", "boot-x", "boot--1", "1"])("does not know the id %j", (id) => {
    expect(createRing("boot", 5).after(id)).toBeUndefined();
  });
});

describe("a stream", () => {
  beforeEach(
    () => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }),
  );
  afterEach(() => void vi.useRealTimers());

  const start = (limits: Partial<LiveFeedLimits> = {}, backlogBytes = 0) => {
    const hub = createLiveHub();
    const feed = createLiveFeed(hub, limits);
    const open = (last?: string) => {
      const written: string[] = [];
      let closed = false;
      const write = (text: string) => written.push(text) && backlogBytes;
      const close = () => {
        closed = true;
      };
      const handle = feed.open("person:ada", everything, { write, close }, last);
      const events = () =>
        written
          .join("")
          .split("\n")
          .filter((line) => line.startsWith("data: ") && line !== "data: {}") // a ping says nothing
          .map((line) => JSON.parse(line.slice(6)) as LiveEvent);
      const lastId = () =>
        written
          .join("")
          .match(/^id: .*$/gm)
          ?.at(-1)
          ?.slice(4);
      return { written, events, lastId, handle, isClosed: () => closed };
    };
    return { hub, feed, open };
  };

  it("writes the newest word on a thing at most four times a second, and every result", () => {
    const { hub, open } = start();
    const stream = open();
    for (let i = 1; i <= 20; i++) {
      hub.publish(device("cam-1", null, i));
      if (i <= 3) hub.publish(window("cam-1"));
      vi.advanceTimersByTime(50);
    }
    vi.advanceTimersByTime(250);
    const fps = stream.events().flatMap((e) => (e.kind === "device" ? [e.device.latest?.fps] : []));
    expect(fps.length).toBeLessThanOrEqual(5);
    expect(fps.at(-1)).toBe(20);
    expect(stream.events().filter((event) => event.kind === "window")).toHaveLength(3);
  });

  it("catches up from the last id that was seen", () => {
    const { hub, open } = start();
    const first = open();
    hub.publish(window("cam-1"));
    vi.advanceTimersByTime(250);
    const id = first.lastId();
    first.handle.close();
    hub.publish(window("cam-1"));
    hub.publish(window("cam-2"));
    hub.publish(model);
    const second = open(id);
    vi.advanceTimersByTime(250);
    expect(second.events().map((event) => event.kind)).toEqual(["window", "model"]);
  });

  it("says to fetch everything when it cannot tell what was missed", () => {
    const { hub, open } = start({ eventsKept: 2 });
    const first = open();
    for (let i = 0; i < 3; i++) hub.publish(model);
    const [late, restarted] = [open(first.lastId()), open("0123-7")];
    vi.advanceTimersByTime(250);
    expect([late.events(), restarted.events()]).toEqual([[resync], [resync]]);
  });

  it("says so too when more waits than it may hold", () => {
    const { hub, open } = start({ pendingMax: 3 });
    const stream = open();
    vi.advanceTimersByTime(250);
    for (let i = 0; i < 10; i++) hub.publish(window("cam-1"));
    vi.advanceTimersByTime(250);
    const kinds = stream.events().map((event) => event.kind);
    expect(kinds).toContain("resync");
    expect(kinds.length).toBeLessThanOrEqual(4);
  });

  it("moves the id on with a sign of life, so that what was filtered is not replayed", () => {
    const { hub, open } = start();
    const stream = open();
    const before = stream.lastId();
    hub.publish(window("cam-2"));
    stream.handle.beat();
    expect(stream.lastId()).not.toBe(before);
    expect(stream.events()).toEqual([]);
  });

  it("ends where the reader does not keep up", () => {
    const { hub, open } = start({ backlogBytesMax: 1000 }, 1001);
    const stream = open();
    expect(stream.isClosed()).toBe(true);
    hub.publish(model);
    vi.advanceTimersByTime(250);
    expect(stream.events()).toEqual([]);
  });

  it("is one of a bounded number, per caller and in all", () => {
    const { open } = start({ streamsPerCallerMax: 2 });
    const first = open();
    open();
    expect(() => open()).toThrow("close a tab");
    first.handle.close();
    open();
    const small = start({ streamsMax: 1 });
    small.open();
    expect(() => small.open()).toThrow("as many as this server carries");
  });

  it("ends with the feed", () => {
    const { feed, open } = start();
    const stream = open();
    feed.stop();
    expect([stream.isClosed(), feed.streams]).toEqual([true, 0]);
  });
});
