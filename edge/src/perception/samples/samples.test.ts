/** Samples as the agent holds them, against a cloud whose connections break. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SampleAnnouncement } from "@fieldloop/shared/samples/sample";
import { type SampleSettingsInput, sampleSettings } from "@fieldloop/shared/samples/settings";
import type { Decision } from "@fieldloop/shared/vision/decide";
import { loadRaw } from "@fieldloop/shared-node/image";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { realFiles } from "../../platform/files.ts";
import { Samples } from "./samples.ts";

const [width, height] = [160, 120];
let folder: string;
let events: [string, string][];
const open: Samples[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "samples-"));
  events = [];
});
afterEach(async () => {
  for (const samples of open.splice(0)) await samples.stop();
  rmSync(folder, { recursive: true, force: true });
});

const classified: Decision = { label: "clean", confidence: 0.6, detections: null };
const detected: Decision = {
  label: null,
  confidence: 0.9,
  detections: [{ label: "face", score: 0.9, box: [0.25, 0.25, 0.75, 0.75] }],
};

/** A picture of its own for each number. */
const image = (i: number) =>
  ({
    kind: "raw",
    data: Uint8Array.from({ length: 3 * width * height }, (_, p) => {
      const [x, y] = [Math.floor(p / 3) % width, Math.floor(p / 3 / width)];
      return (
        128 + 100 * Math.sin((x * (1 + (i % 7))) / 20 + i) * Math.cos((y * (1 + (i % 5))) / 15 + i)
      );
    }),
    width,
    height,
  }) as const;

const seen = (i: number, more: object = {}) => ({
  camera: "belt",
  frame: `f${i}`,
  capturedAt: 1_000_000 + i,
  image: image(i),
  modelWidth: 64,
  local: { model: "eggs@1.0.0", decision: classified },
  cloud: null,
  hardness: 0.9,
  differs: null,
  cameraEvent: false,
  ...more,
});

async function start(wished: SampleSettingsInput, url: string | null = null): Promise<Samples> {
  const samples = new Samples({
    files: realFiles,
    folder,
    keyPath: join(folder, "device.key"),
    settings: sampleSettings.parse({ randomShare: 0, ...wished }),
    cloud: url === null ? null : { url, credential: "secret" },
    now: () => 1_000_000,
    random: Math.random,
    onEvent: (kind, message) => events.push([kind, message]),
    backoff: { delayMsMin: 1, delayMsMax: 20 },
  });
  open.push(samples);
  await samples.open();
  return samples;
}

describe("keeping", () => {
  it("keeps what is hard, once while it looks alike, within its quota", async () => {
    const samples = await start({ perHour: { countMax: 3 } });
    for (const i of [1, 1, 2, 3, 4, 5]) {
      samples.consider(seen(i));
      await samples.settle();
    }
    samples.consider(seen(6, { hardness: 0.1 }));
    await samples.settle();
    expect(samples.stats()).toMatchObject({
      kept: 3,
      stored: 3,
      reasons: { uncertain: 3 },
      leftOut: { alike: 1, quota: 2 },
    });
    expect(events).toEqual([]);
  });

  it("holds few pictures in memory, and counts what does not fit", async () => {
    const samples = await start({});
    for (let i = 0; i < 20; i++) samples.consider(seen(i));
    await samples.settle();
    const { kept, leftOut } = samples.stats();
    expect(leftOut.busy).toBe(16);
    expect(kept + (leftOut.alike ?? 0)).toBe(4);
  });

  it("keeps nothing with a key that is none, and says so", async () => {
    await realFiles.writeAtomic(join(folder, "device.key"), "short");
    const samples = await start({});
    samples.consider(seen(1));
    await samples.settle();
    expect(samples.stats().kept).toBe(0);
    expect(events).toEqual([["samples-off", expect.stringContaining("is no device key")]]);
  });

  it("fills the ring with frames of the model's size", async () => {
    const samples = await start({ enabled: false, ring: { hours: 1, fps: 30 } });
    for (const i of [1, 100, 200]) {
      samples.consider(seen(i));
      await samples.settle();
    }
    const frames: [string, number][] = [];
    for await (const { frame, jpeg } of samples.ringFrames({}) ?? [])
      frames.push([frame, (await loadRaw({ kind: "encoded", bytes: jpeg })).width]);
    expect(frames).toEqual([
      ["f1", 64],
      ["f100", 64],
      ["f200", 64],
    ]);
  });
});

/** A cloud that takes samples and breaks connections when it is told to. */
class FakeCloud {
  readonly announced = new Map<string, SampleAnnouncement>();
  readonly bytes = new Map<string, Buffer>();
  /** Offsets in the order in which pieces came. */
  readonly pieces: [string, number, number][] = [];
  /** How many of the next requests are cut: before or after they are taken in. */
  cuts: ("before" | "after")[] = [];
  answerWith: number | undefined;
  requests = 0;
  #server: Server | undefined;

  async start(): Promise<string> {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("error", () => undefined);
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        this.requests++;
        const cut = this.cuts.shift();
        if (cut === "before") return request.socket.destroy();
        const url = new URL(request.url ?? "", "http://x");
        const reply = this.#take(request.method ?? "", url, Buffer.concat(chunks));
        if (cut === "after") return request.socket.destroy();
        response.writeHead(this.answerWith ?? 200, { "content-type": "application/json" });
        response.end(JSON.stringify(this.answerWith === undefined ? reply : { detail: "no" }));
        return undefined;
      });
    });
    await new Promise<void>((ready) => this.#server?.listen(0, "127.0.0.1", ready));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`; // listening on TCP
  }

  #take(method: string, url: URL, body: Buffer): object {
    const digest = url.pathname.split("/").at(-1) ?? "";
    if (method === "PUT") this.announced.set(digest, JSON.parse(body.toString()));
    else if (this.answerWith === undefined) {
      const offset = Number(url.searchParams.get("offset"));
      const known = this.bytes.get(digest) ?? Buffer.alloc(0);
      if (offset !== known.length) throw new Error(`wrong offset ${offset}, not ${known.length}`);
      this.pieces.push([digest, offset, body.length]);
      this.bytes.set(digest, Buffer.concat([known, body]));
    }
    const offset = this.bytes.get(digest)?.length ?? 0;
    return { offset, complete: offset === this.announced.get(digest)?.bytes };
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((closed) => this.#server?.close(closed));
  }
}

describe("sending", () => {
  let cloud: FakeCloud;
  let url: string;
  beforeEach(async () => {
    cloud = new FakeCloud();
    url = await cloud.start();
  });
  afterEach(() => cloud.stop());
  const allowed = { upload: { allowed: true } } as const;

  it("sends nothing that is not allowed", async () => {
    const samples = await start({}, url);
    samples.consider(seen(1));
    await samples.settle();
    samples.configure(sampleSettings.parse({ randomShare: 0, similarBitsMax: 1 }));
    samples.consider(seen(2));
    await samples.settle();
    expect(samples.stats().kept).toBe(2);
    await samples.stop();
    expect(cloud.requests).toBe(0);
  });

  it("sends everything, and no byte twice, however connections break", async () => {
    const samples = await start(allowed, url);
    cloud.cuts = ["before", "after", "before", "before", "after", "after", "before", "after"];
    for (const i of [1, 2, 3]) {
      samples.consider(seen(i));
      await samples.settle();
    }
    await vi.waitFor(() => expect(samples.stats().sent).toBe(3), 10_000);
    expect(cloud.bytes.size).toBe(3);
    for (const [digest, bytes] of cloud.bytes)
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(digest);
    for (const [digest, about] of cloud.announced)
      expect(cloud.bytes.get(digest)?.length).toBe(about.bytes);
    await samples.stop();
    const again = await start(allowed, url);
    const before = cloud.requests;
    again.consider(seen(9));
    await vi.waitFor(() => expect(again.stats().sent).toBe(1), 10_000);
    expect(cloud.requests - before).toBe(2); // the new one alone
  });

  it("stops where the cloud forbids it, says so once, and tries again with new settings", async () => {
    const samples = await start(allowed, url);
    cloud.answerWith = 403;
    for (const i of [1, 2]) {
      samples.consider(seen(i));
      await samples.settle();
    }
    await vi.waitFor(() =>
      expect(events).toEqual([["samples-forbidden", "no samples are sent: no"]]),
    );
    const before = cloud.requests;
    samples.consider(seen(3));
    await samples.settle();
    expect(cloud.requests).toBe(before);
    cloud.answerWith = undefined;
    samples.configure(sampleSettings.parse({ randomShare: 0, ...allowed, hardnessMin: 0.4 }));
    await vi.waitFor(() => expect(samples.stats().sent).toBe(3), 10_000);
  });

  it("blurs what was found before it leaves, and keeps the sharp one", async () => {
    const upload = { allowed: true, blur: "detections" } as const;
    const samples = await start({ upload }, url);
    samples.consider(seen(1, { local: { model: "faces@1.0.0", decision: detected } }));
    await vi.waitFor(() => expect(samples.stats().sent).toBe(1), 10_000);
    const [[digest, about]] = [...cloud.announced] as [[string, SampleAnnouncement]]; // one was sent
    expect(about).toMatchObject({ blurred: true, local: { detections: [{ label: "face" }] } });
    const { data } = await loadRaw({
      kind: "encoded",
      bytes: cloud.bytes.get(digest) ?? Buffer.alloc(0),
    });
    const roughness = (picture: Uint8Array, x1: number, x2: number) => {
      let sum = 0;
      for (let x = x1; x < x2; x++)
        sum += Math.abs(
          (picture[3 * (60 * width + x)] ?? 0) - (picture[3 * (60 * width + x - 1)] ?? 0),
        );
      return sum / (x2 - x1);
    };
    expect(roughness(data, 50, 60)).toBeLessThan(roughness(image(1).data, 50, 60) / 2);
  });

  it("lets nothing leave that should be blurred and does not say where", async () => {
    const upload = { allowed: true, blur: "detections" } as const;
    const samples = await start({ upload }, url);
    samples.consider(seen(1));
    await samples.settle();
    await vi.waitFor(() => expect(samples.stats().unblurrable).toBe(1));
    expect(events.map(([kind]) => kind)).toEqual(["samples-unblurred"]);
    expect(cloud.requests).toBe(0);
  });
});
