import type { LiveEvent } from "@fieldloop/shared/contract/live";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveStream, liveLimits, parseEvent } from "./live.ts";

/** Stands in for the browser's EventSource; the test speaks for the server. */
class FakeSource {
  readonly url: string;
  closed = false;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  ping: () => void = () => undefined;
  constructor(url: string) {
    this.url = url;
  }
  addEventListener(_name: string, listener: () => void) {
    this.ping = listener;
  }
  close() {
    this.closed = true;
  }
}

describe("the live stream", () => {
  let sources: FakeSource[];
  let events: LiveEvent[];
  let gaps: number;
  let stream: LiveStream;
  const last = () => sources.at(-1)!;

  beforeEach(() => {
    vi.useFakeTimers();
    [sources, events, gaps] = [[], [], 0];
    stream = new LiveStream({
      onEvents: (batch) => events.push(...batch),
      onGap: () => gaps++,
      openSource: (url) => {
        sources.push(new FakeSource(url));
        return last() as unknown as EventSource;
      },
    });
    stream.start();
  });

  afterEach(() => {
    stream.stop();
    vi.useRealTimers();
  });

  it("is live once opened and hands over events together", () => {
    last().onopen?.();
    expect(stream.status().state).toBe("live");
    last().onmessage?.({ data: '{"kind":"model","name":"eggs"}' });
    last().onmessage?.({ data: '{"kind":"resync"}' });
    expect(events).toEqual([]);
    vi.advanceTimersByTime(liveLimits.flushEveryMs);
    expect(events).toEqual([{ kind: "model", name: "eggs" }, { kind: "resync" }]);
  });

  it("stays live on heartbeats alone", () => {
    last().onopen?.();
    for (let i = 0; i < 6; i++) {
      vi.advanceTimersByTime(10_000);
      last().ping();
    }
    expect(stream.status().state).toBe("live");
    expect(sources).toHaveLength(1);
  });

  it("counts silence as broken, opens anew and reports the gap when it hears again", () => {
    last().onopen?.();
    last().ping();
    vi.advanceTimersByTime(liveLimits.silenceMsMax + 2000);
    expect(stream.status().state).toBe("broken");
    vi.advanceTimersByTime(liveLimits.reopenAfterMs);
    expect(sources.length).toBeGreaterThan(1);
    expect(sources[0]?.closed).toBe(true);
    last().onopen?.();
    expect(stream.status().state).toBe("live");
    expect(gaps).toBe(1);
  });

  it("grants a server without pings a longer silence", () => {
    last().onopen?.();
    vi.advanceTimersByTime(liveLimits.quietMsMax - 2000);
    expect(stream.status().state).toBe("live");
    vi.advanceTimersByTime(4000);
    expect(stream.status().state).toBe("broken");
  });

  it("limits itself to the device whose page is open", () => {
    stream.focus("cam-1");
    expect(last().url).toBe("/api/v1/live?device=cam-1");
    stream.focus("cam-1");
    expect(sources).toHaveLength(2);
    last().onopen?.();
    expect(gaps).toBe(1);
  });

  it("pauses while long hidden and catches up when seen again", () => {
    last().onopen?.();
    stream.visible(false);
    for (let ms = 0; ms < liveLimits.hiddenMsMax + 20_000; ms += 10_000) {
      vi.advanceTimersByTime(10_000);
      last().ping();
    }
    expect(stream.status().state).toBe("paused");
    expect(last().closed).toBe(true);
    stream.visible(true);
    expect(last().closed).toBe(false);
    last().onopen?.();
    expect(gaps).toBe(1);
  });

  it("ignores what it cannot read or does not know", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(parseEvent("{")).toBeUndefined();
    expect(parseEvent('{"kind":"from-the-future"}')).toBeUndefined();
    expect(warn).toHaveBeenCalledTimes(2);
    warn.mockRestore();
  });
});
