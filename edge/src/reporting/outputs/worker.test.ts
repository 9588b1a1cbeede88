import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventOfCamera } from "./event.ts";
import type { ToldEvent } from "./match.ts";
import { failedBy, type Sender } from "./sender.ts";
import { type OutputSettings, outputSettings } from "./settings.ts";
import { OutputWorker } from "./worker.ts";

const settingsOf = (more: object = {}): OutputSettings =>
  outputSettings.parse({
    name: "kick",
    kind: "command",
    command: { run: ["x"] },
    on: { events: ["camera-state"] },
    ...more,
  });
const eventAt = (at: number, label = "streaming"): ToldEvent => ({
  ...eventOfCamera("camera-state", "belt", label, "m", at),
  device: "d",
});

/** Sends when it is told to. */
class HeldSender implements Sender {
  readonly waiting: { event: ToldEvent; withinMs: number; settle: (error?: Error) => void }[] = [];
  isStopped = false;

  start(): void {}

  send(event: ToldEvent, withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => (error === undefined ? resolve() : reject(error));
      this.waiting.push({ event, withinMs, settle });
    });
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    for (const { settle } of this.waiting.splice(0)) settle(failedBy("timeout", "stopped"));
  }

  async next(error?: Error): Promise<void> {
    this.waiting.shift()?.settle(error);
    await new Promise((done) => setImmediate(done));
  }
}

function opened(more: object = {}) {
  const sender = new HeldSender();
  const changes: (string | null)[] = [];
  const clock = { now: 1000 };
  const worker = new OutputWorker({
    settings: settingsOf(more),
    sender,
    now: () => clock.now,
    onChange: (reason) => changes.push(reason),
  });
  return { sender, worker, changes, clock };
}

const total = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((sum, n) => sum + n, 0);

describe("an output", () => {
  it("never sends what is late, and gives what is not the time that is left", async () => {
    const { sender, worker, clock } = opened({ deadlineMs: 100 });
    worker.offer(eventAt(1000));
    worker.offer(eventAt(1001));
    worker.offer(eventAt(1090));
    expect(sender.waiting.map(({ withinMs }) => withinMs)).toEqual([100]);
    clock.now = 1120;
    await sender.next();
    expect(sender.waiting.map(({ event, withinMs }) => [event.at, withinMs])).toEqual([[1090, 70]]);
    await sender.next();
    expect(worker.stats()).toMatchObject({ offered: 3, sent: 2, dropped: { late: 1 } });
  });

  it("goes on at once with what comes in the same turn as something late", () => {
    const { sender, worker } = opened({ deadlineMs: 100 });
    worker.offer(eventAt(10));
    worker.offer(eventAt(1000));
    expect(sender.waiting.map(({ event }) => event.at)).toEqual([1000]);
    expect(worker.stats().dropped).toEqual({ late: 1 });
  });

  it("gives an event from the future its whole deadline and no more", () => {
    const { sender, worker } = opened({ deadlineMs: 100 });
    worker.offer(eventAt(9_000_000));
    expect(sender.waiting[0]?.withinMs).toBe(100);
  });

  it.each([
    ["drop-oldest", [1, 4, 5]],
    ["drop-latest", [1, 2, 3]],
  ])("keeps to its queue's bound (%s)", async (onFull, sent) => {
    const { sender, worker, clock } = opened({ queueMax: 2, onFull });
    clock.now = 0;
    for (const at of [1, 2, 3, 4, 5]) worker.offer(eventAt(at));
    const order: number[] = [];
    while (sender.waiting.length > 0) {
      order.push(sender.waiting[0]!.event.at);
      await sender.next();
    }
    expect(order).toEqual(sent);
    expect(worker.stats()).toMatchObject({ offered: 5, sent: 3, dropped: { full: 2 } });
  });

  it("does not tell again within its interval", () => {
    const { worker } = opened({ minIntervalMs: 500 });
    for (const at of [1000, 1200, 1499, 1500, 900]) worker.offer(eventAt(at));
    expect(worker.stats().dropped).toEqual({ interval: 2 });
  });

  it("says once that it fails and once that it works again", async () => {
    const { sender, worker, changes } = opened();
    for (let i = 0; i < 5; i++) worker.offer(eventAt(1000));
    await sender.next();
    await sender.next(failedBy("unreachable", "nobody is there"));
    await sender.next(failedBy("refused", "503"));
    expect(worker.stats()).toMatchObject({
      failed: { unreachable: 1, refused: 1 },
      lastError: "503",
    });
    await sender.next();
    expect(changes).toEqual(["nobody is there", null]);
    expect(worker.stats().lastError).toBeNull();
  });

  it("drops what waits when it stops", async () => {
    const { sender, worker } = opened();
    for (let i = 0; i < 3; i++) worker.offer(eventAt(1000));
    const stopping = worker.stop();
    worker.offer(eventAt(1000));
    await sender.next();
    await stopping;
    expect(sender.isStopped).toBe(true);
    expect(worker.stats()).toMatchObject({ sent: 1, dropped: { stopping: 3 }, underWay: 0 });
  });

  it("accounts for every event, whatever happens", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("offer" as const), at: fc.integer({ min: 0, max: 3000 }) }),
      fc.record({ kind: fc.constant("settle" as const), fails: fc.boolean() }),
      fc.record({ kind: fc.constant("clock" as const), by: fc.integer({ min: -500, max: 1500 }) }),
    );
    const settings = fc.record({
      queueMax: fc.integer({ min: 1, max: 4 }),
      onFull: fc.constantFrom("drop-oldest", "drop-latest"),
      minIntervalMs: fc.constantFrom(0, 300),
      deadlineMs: fc.constantFrom(50, 1000),
    });
    await fc.assert(
      fc.asyncProperty(settings, fc.array(step, { maxLength: 40 }), async (chosen, steps) => {
        const { sender, worker, clock } = opened(chosen);
        let offered = 0;
        for (const one of steps) {
          if (one.kind === "offer") {
            worker.offer(eventAt(one.at));
            offered++;
          } else if (one.kind === "settle")
            await sender.next(one.fails ? failedBy("refused", "no") : undefined);
          else clock.now += one.by;
          const stats = worker.stats();
          expect(stats.offered).toBe(offered);
          expect(stats.underWay).toBeLessThanOrEqual(chosen.queueMax + 1);
          expect(sender.waiting.length).toBeLessThanOrEqual(1);
        }
        const stopping = worker.stop();
        await sender.next();
        await stopping;
        const { sent, failed, dropped, underWay } = worker.stats();
        expect(underWay).toBe(0);
        expect(sent + total(failed) + total(dropped)).toBe(offered);
      }),
      { numRuns: 100 },
    );
  });
});
