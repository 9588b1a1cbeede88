import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { AppError } from "@fieldloop/shared/errors";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Camera } from "./camera.ts";
import { directorySource, imageNames } from "./directory.ts";
import { HttpPushSource } from "./http-push.ts";
import type { Scene, SceneOptions } from "./scene.ts";
import type { Frame, FrameSink, FrameSource } from "./source.ts";
import { SyntheticSource, tickAt } from "./synthetic.ts";

class Recorder implements FrameSink {
  readonly frames: Frame[] = [];
  readonly drops: string[] = [];
  readonly errors: AppError[] = [];
  onFrame: (frame: Frame) => void = () => undefined;

  async frame(frame: Frame) {
    this.frames.push(frame);
    this.onFrame(frame);
    return { kind: "accepted" } as const;
  }
  dropped(frameId: string, cause: string) {
    this.drops.push(`${frameId} ${cause}`);
  }
  failed(_frameId: string, error: AppError) {
    this.errors.push(error);
  }
  /** Settles once so many frames have come. */
  count(n: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => this.frames.length >= n && resolve();
      this.onFrame = look;
      look();
    });
  }
}

afterEach(() => {
  vi.useRealTimers();
});

describe("Camera", () => {
  const instant = { delayMsMin: 0, delayMsMax: 0, startsPerMinuteMax: 100, failuresMax: 3 };
  const until = (lives: ((sink: FrameSink, signal: AbortSignal) => Promise<void>)[]) => {
    let life = 0;
    const source: FrameSource = {
      stallMsMax: null,
      run: (sink, signal) => lives[Math.min(life++, lives.length - 1)]!(sink, signal),
    };
    return source;
  };
  const aborted = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve());
    });
  const picture: Frame = {
    id: "1",
    capturedAt: 0,
    image: { kind: "raw", data: new Uint8Array(3), width: 1, height: 1 },
  };

  it("starts a source again that failed, and says why it failed", async () => {
    const states: string[] = [];
    const sink = new Recorder();
    const source = until([
      async () => {
        throw new AppError({ code: "source-failed", message: "the cable is out" });
      },
      async (to, signal) => {
        await to.frame(picture);
        await aborted(signal);
      },
    ]);
    const camera = new Camera({
      name: "cam",
      source,
      sink,
      limits: instant,
      onState: (state, reason) => states.push(reason === null ? state : `${state}: ${reason}`),
    });
    camera.start();
    await sink.count(1);
    expect(camera.status()).toEqual({
      name: "cam",
      state: "streaming",
      reason: null,
      restarts: 1,
    });
    await camera.stop();
    expect(states).toEqual([
      "starting",
      "backing-off: the cable is out",
      "starting: the cable is out",
      "streaming",
      "stopped",
    ]);
  });

  it("starts a source again that has gone silent", async () => {
    vi.useFakeTimers();
    const states: string[] = [];
    const sink = new Recorder();
    const source: FrameSource = {
      stallMsMax: 2000,
      run: async (to, signal) => {
        await to.frame(picture);
        await aborted(signal);
      },
    };
    const camera = new Camera({
      name: "cam",
      source,
      sink,
      limits: instant,
      onState: (state) => states.push(state),
    });
    camera.start();
    await vi.advanceTimersByTimeAsync(1999);
    expect(camera.status().state).toBe("streaming");
    await vi.advanceTimersByTimeAsync(2);
    expect(states.slice(0, 6)).toEqual([
      "starting",
      "streaming",
      "stalled",
      "backing-off",
      "starting",
      "streaming",
    ]);
    expect(sink.frames).toHaveLength(2);
    await camera.stop();
    expect(camera.status().state).toBe("stopped");
  });

  it("does not mistake a full queue for a silent camera", async () => {
    vi.useFakeTimers();
    const states: string[] = [];
    let room = (): void => undefined;
    const sink = new Recorder();
    sink.frame = () =>
      new Promise((resolve) => {
        room = () => resolve({ kind: "accepted" });
      });
    const source: FrameSource = {
      stallMsMax: 1000,
      run: async (to, signal) => {
        await to.frame(picture);
        await aborted(signal);
      },
    };
    const camera = new Camera({
      name: "cam",
      source,
      sink,
      limits: instant,
      onState: (state) => states.push(state),
    });
    camera.start();
    await vi.advanceTimersByTimeAsync(5500);
    expect(states).toEqual(["starting", "streaming"]);
    room();
    await vi.advanceTimersByTimeAsync(999);
    expect(states).toEqual(["starting", "streaming"]);
    await vi.advanceTimersByTimeAsync(2);
    expect(states[2]).toBe("stalled");
    room();
    await camera.stop();
  });

  it("stops during a back-off", async () => {
    const source = until([
      async () => {
        throw new Error("no device");
      },
    ]);
    const camera = new Camera({
      name: "cam",
      source,
      sink: new Recorder(),
      limits: { ...instant, delayMsMin: 60_000, delayMsMax: 60_000 },
    });
    camera.start();
    await turn();
    expect(camera.status()).toMatchObject({ state: "backing-off", reason: "no device" });
    await camera.stop();
    expect(camera.status().state).toBe("stopped");
  });
});

describe("a folder as a camera", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fieldloop-camera-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = async (name: string, bytes = "x") => {
    await writeFile(join(folder, name), bytes);
    await utimes(join(folder, name), 1000, 1000);
  };
  const run = (options: object, sink: FrameSink, stop: AbortController) =>
    directorySource({ folder, pollMs: 5, ...options }).run(sink, stop.signal);

  it("orders names as people do and takes only images", () => {
    expect(imageNames(["b.txt", "10.jpg", "2.jpg", ".hidden.jpg", "1.PNG", "3.jpg.part"])).toEqual([
      "1.PNG",
      "2.jpg",
      "10.jpg",
    ]);
  });

  it("hands over what is there, then what is added, and nothing twice", async () => {
    await put("10.jpg", "ten");
    await put("9.jpg");
    const sink = new Recorder();
    const stop = new AbortController();
    const running = run({}, sink, stop);
    await sink.count(2);
    await put("11.jpg");
    await sink.count(3);
    stop.abort();
    await running;
    expect(sink.frames.map(({ id }) => id)).toEqual(["9.jpg", "10.jpg", "11.jpg"]);
    expect(sink.frames[1]!.image).toEqual({ kind: "encoded", bytes: Buffer.from("ten") });
  });

  it("starts over where it loops", async () => {
    await put("a.jpg");
    await put("b.jpg");
    const sink = new Recorder();
    const stop = new AbortController();
    const running = run({ loop: true }, sink, stop);
    await sink.count(5);
    stop.abort();
    await running;
    expect(sink.frames.slice(0, 5).map(({ id }) => id)).toEqual([
      "a.jpg",
      "b.jpg",
      "a.jpg",
      "b.jpg",
      "a.jpg",
    ]);
  });

  it("leaves a file that is still being written for the next look", async () => {
    await put("old.jpg");
    await writeFile(join(folder, "fresh.jpg"), "x");
    await utimes(join(folder, "fresh.jpg"), 2000, 2000);
    let now = 2000_050;
    const sink = new Recorder();
    const stop = new AbortController();
    const running = run({ settleMs: 100, now: () => now }, sink, stop);
    await sink.count(1);
    now += 1000;
    await sink.count(2);
    stop.abort();
    await running;
    expect(sink.frames.map(({ id }) => id)).toEqual(["old.jpg", "fresh.jpg"]);
  });

  it("counts files that are too large, without reading them", async () => {
    await put("a.jpg", "12345");
    await put("b.jpg", "1");
    const sink = new Recorder();
    const stop = new AbortController();
    const running = run({ frameBytesMax: 4 }, sink, stop);
    await sink.count(1);
    stop.abort();
    await running;
    expect(sink.drops).toEqual(["a.jpg oversized"]);
  });

  it("names a folder that is not there", async () => {
    const source = directorySource({ folder: join(folder, "nowhere") });
    await expect(source.run(new Recorder(), new AbortController().signal)).rejects.toThrow(
      /^the camera's folder .*nowhere cannot be read: ENOENT/,
    );
  });
});

describe("HttpPushSource", () => {
  it("accepts frames while it runs and says why it refuses others", async () => {
    const source = new HttpPushSource({ frameBytesMax: 4, now: () => 77 });
    const jpeg = Buffer.from("jpg");
    expect(await source.push(jpeg)).toEqual({
      kind: "refused",
      reason: "the camera is not running; start it and push again",
    });
    const sink = new Recorder();
    const stop = new AbortController();
    const running = source.run(sink, stop.signal);
    expect(await source.push(jpeg, "door-1")).toEqual({ kind: "accepted", frame: "door-1" });
    expect(await source.push(jpeg)).toEqual({ kind: "accepted", frame: "77-0" });
    expect(await source.push(Buffer.from("12345"), "big")).toEqual({
      kind: "dropped",
      frame: "big",
      cause: "oversized",
    });
    expect(await source.push(new Uint8Array())).toMatchObject({ kind: "refused" });
    expect(await source.push(jpeg, "x".repeat(129))).toMatchObject({ kind: "refused" });
    stop.abort();
    await running;
    expect(await source.push(jpeg)).toMatchObject({ kind: "refused" });
    expect(sink.frames.map(({ id, capturedAt }) => [id, capturedAt])).toEqual([
      ["door-1", 77],
      ["77-0", 77],
    ]);
    expect(sink.drops).toEqual(["big oversized"]);
  });
});

describe("SyntheticSource", () => {
  class Belt implements Scene {
    readonly width = 2;
    readonly height = 1;
    readonly rendered: [number, number][] = [];
    readonly #buffer = new Uint8Array(6);
    settings: Readonly<Record<string, string>>;
    constructor({ settings }: SceneOptions) {
      this.settings = settings;
    }
    configure(settings: Readonly<Record<string, string>>) {
      if (settings.world === "mars") throw new Error('there is no world "mars"');
      this.settings = settings;
    }
    render(tick: number, at: number) {
      this.rendered.push([tick, at]);
      return this.#buffer.fill(tick % 256);
    }
  }

  function belts() {
    const scenes: Belt[] = [];
    const openScene = (options: SceneOptions) => {
      scenes.push(new Belt(options));
      return scenes.at(-1)!;
    };
    return { scenes, load: async () => ({ openScene }) };
  }
  const base = { module: "scene", seed: "line-1", settings: { world: "normal" }, periodMs: 500 };

  it("draws one frame per tick of the wall clock, each in its own buffer", async () => {
    vi.useFakeTimers({ now: 1_000_000 });
    const { scenes, load } = belts();
    const source = new SyntheticSource({ ...base, load });
    const sink = new Recorder();
    const stop = new AbortController();
    const running = source.run(sink, stop.signal);
    await vi.advanceTimersByTimeAsync(2000);
    stop.abort();
    await running;
    const ids = sink.frames.map(({ id }) => Number(id));
    expect(ids.length).toBeGreaterThanOrEqual(4);
    ids.forEach((id, i) => {
      expect(id).toBe(ids[0]! + i);
    });
    for (const { id, capturedAt } of sink.frames.slice(1)) {
      expect(tickAt(capturedAt, 500)).toBeGreaterThanOrEqual(Number(id));
      expect(tickAt(capturedAt, 500)).toBeLessThanOrEqual(Number(id) + 1);
    }
    for (const [tick, at] of scenes[0]!.rendered) expect(at).toBe(tick * 500);
    const first = sink.frames.map(({ image }) => (image.kind === "raw" ? image.data[0] : -1));
    expect(first).toEqual(ids.map((id) => id % 256));
  });

  it("passes settings on and keeps the old ones when the scene refuses", async () => {
    vi.useFakeTimers({ now: 1_000_000 });
    const { scenes, load } = belts();
    const source = new SyntheticSource({ ...base, load });
    const stop = new AbortController();
    const running = source.run(new Recorder(), stop.signal);
    await vi.advanceTimersByTimeAsync(10);
    source.configure({ world: "brown-eggs" });
    expect(() => source.configure({ world: "mars" })).toThrow('there is no world "mars"');
    expect(scenes[0]!.settings).toEqual({ world: "brown-eggs" });
    stop.abort();
    await running;
    const again = new AbortController();
    const second = source.run(new Recorder(), again.signal);
    await vi.advanceTimersByTimeAsync(10);
    expect(scenes[1]!.settings).toEqual({ world: "brown-eggs" });
    again.abort();
    await second;
  });

  it("names a scene module that cannot be loaded or is none", async () => {
    const signal = new AbortController().signal;
    const missing = new SyntheticSource({ ...base, module: "/nowhere/scene.js" });
    await expect(missing.run(new Recorder(), signal)).rejects.toThrow(
      /^the scene module \/nowhere\/scene\.js \(synthetic\.module\) cannot be loaded/,
    );
    const none = new SyntheticSource({ ...base, load: async () => ({}) });
    await expect(none.run(new Recorder(), signal)).rejects.toThrow(
      "the module scene (synthetic.module) exports no function openScene",
    );
  });
});
