import type { UpChannel } from "@fieldloop/shared/topics";
import { describe, expect, it } from "vitest";
import { ArrivalQueue } from "./queue.ts";
import { ackWindow, defaultIngestLimits } from "./window.ts";

const arrival = (device: string, mark: number, channel: UpChannel = "tm") => ({
  device,
  channel,
  payload: Buffer.alloc(10, mark),
  retained: false,
  receivedAt: mark,
});

function marks(queue: ArrivalQueue): [string, number[]] | undefined {
  const batch = queue.take();
  return batch && [batch[0].device, batch.map((one) => one.receivedAt)];
}

describe("arrival queue", () => {
  it("hands out each device's messages in order, devices in turn, one taker per device", () => {
    const queue = new ArrivalQueue({ ...defaultIngestLimits, batchMessagesMax: 2 });
    for (const mark of [1, 2, 3]) queue.add(arrival("a", mark));
    queue.add(arrival("b", 4));
    expect(marks(queue)).toEqual(["a", [1, 2]]);
    expect(marks(queue)).toEqual(["b", [4]]);
    expect(marks(queue)).toBeUndefined();
    queue.add(arrival("b", 5));
    expect(marks(queue)).toBeUndefined();
    queue.release("b");
    queue.release("a");
    expect(marks(queue)).toEqual(["b", [5]]);
    expect(marks(queue)).toEqual(["a", [3]]);
    expect(queue.queued).toBe(0);
    expect(queue.queuedBytes).toBe(0);
  });

  it("drops telemetry first when full, since only that is sent again", () => {
    const queue = new ArrivalQueue({ ...defaultIngestLimits, queueMax: 2, reserveMax: 1 });
    expect([1, 2, 3].map((mark) => queue.add(arrival("a", mark)))).toEqual([true, true, false]);
    expect(queue.add(arrival("a", 4, "state"))).toBe(true);
    expect(queue.add(arrival("a", 5, "online"))).toBe(false);
  });

  it("is bounded in bytes and cuts batches by bytes", () => {
    const queue = new ArrivalQueue({
      ...defaultIngestLimits,
      queueBytesMax: 35,
      batchBytesMax: 25,
    });
    expect([1, 2, 3, 4].map((mark) => queue.add(arrival("a", mark)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(marks(queue)).toEqual(["a", [1, 2]]);
  });
});

describe("window granted to devices", () => {
  const load = { queued: 0, queuedBytes: 0, waitedMs: 0 };
  it.each([
    [0, 64],
    [2500, 64],
    [5000, 42],
    [9999, 1],
    [10_000, 0],
    [12_000, 0],
  ])("with %i of 10000 messages waiting is %i", (queued, window) => {
    expect(ackWindow({ ...load, queued }, defaultIngestLimits)).toBe(window);
  });
  it("falls with waiting time and bytes too", () => {
    expect(ackWindow({ ...load, waitedMs: 10_000 }, defaultIngestLimits)).toBe(0);
    expect(ackWindow({ ...load, queuedBytes: 2 ** 26 }, defaultIngestLimits)).toBe(42);
  });
});
