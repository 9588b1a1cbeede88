import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { environmentOf } from "../../platform/child.ts";
import { Camera } from "./camera.ts";
import { CommandSource } from "./command.ts";
import { MjpegSource } from "./mjpeg.ts";
import type { Recipe } from "./recipes.ts";
import type { Frame, FrameSink } from "./source.ts";

class Recorder implements FrameSink {
  readonly frames: Frame[] = [];
  readonly drops: string[] = [];
  readonly errors: string[] = [];
  readonly #waiting: (() => void)[] = [];

  async frame(frame: Frame) {
    this.frames.push(frame);
    for (const look of this.#waiting) look();
    return { kind: "accepted" } as const;
  }
  dropped(_frameId: string, cause: string) {
    this.drops.push(cause);
  }
  failed(_frameId: string, error: Error) {
    this.errors.push(error.message);
  }
  count(n: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => this.frames.length >= n && resolve();
      this.#waiting.push(look);
      look();
    });
  }
}

/** A script of Node as a camera. It may use `put`, which writes and calls back when written. */
function script(body: string, more: Partial<Recipe> = {}): Recipe {
  const put = "const put = (bytes, then) => process.stdout.write(bytes, then);";
  const ppm =
    "const ppm = (n) => Buffer.concat([Buffer.from('P6 2 1 255\\n'), Buffer.alloc(6, n)]);";
  return {
    command: [process.execPath, "-e", `${put}${ppm}${body}`],
    format: { kind: "ppm" },
    fd: 1,
    environment: [],
    endless: true,
    paced: true,
    ...more,
  };
}

const sourceOf = (...recipes: readonly [Recipe, ...Recipe[]]) =>
  new CommandSource({ recipes: async () => recipes, fps: undefined, stallMsMax: null });

const never = () => new AbortController().signal;
const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("a program as a camera", () => {
  it("hands over what it writes, each picture with an id and a buffer of its own", async () => {
    const sink = new Recorder();
    const endless = false;
    await sourceOf(script("put(ppm(1)); put(ppm(2))", { endless })).run(sink, never());
    const ids = sink.frames.map(({ id }) => id.replace(/^\d+-/, ""));
    expect(ids).toEqual(["0", "1"]);
    expect(sink.frames.map(({ image }) => (image.kind === "raw" ? [...image.data] : []))).toEqual([
      [1, 1, 1, 1, 1, 1],
      [2, 2, 2, 2, 2, 2],
    ]);
  });

  it.each([
    ["put(ppm(1), () => process.exit(0))", /node\S* ended with exit code 0$/],
    ["process.exit(3)", /node\S* ended with exit code 3 before its first picture$/],
    ["put(ppm(1)); put('P6 9 9 255\\n...')", /exit code 0 in the middle of a picture$/],
    ["process.kill(process.pid, 'SIGSEGV')", /was ended by SIGSEGV before its first picture$/],
    [
      "console.error('x\\nrtsp://me:secret@cam/1: 401 Unauthorized'); process.exitCode = 1",
      /exit code 1 before its first picture: rtsp:\/\/\*\*\*@cam\/1: 401 Unauthorized$/,
    ],
  ])("that does %j is an error that says what happened", async (body, message) => {
    await expect(sourceOf(script(body)).run(new Recorder(), never())).rejects.toThrow(message);
  });

  it("that is missing is named, with what to do", async () => {
    const recipe = { ...script(""), command: ["no-such-ffmpeg"] as const, hint: "install it" };
    await expect(sourceOf(recipe).run(new Recorder(), never())).rejects.toThrow(
      "the program no-such-ffmpeg is not installed; install it",
    );
  });

  it("counts garbage between pictures as one failed frame each time", async () => {
    const sink = new Recorder();
    const body = "put(ppm(1)); put('noise'); put('more'); put(ppm(2))";
    await sourceOf(script(body, { endless: false })).run(sink, never());
    expect(sink.frames).toHaveLength(2);
    expect(sink.errors).toEqual(["9 bytes that belong to no picture were skipped"]);
  });

  it("is given up when it writes nothing but garbage", async () => {
    const recipe = script("const b = Buffer.alloc(65536, 7); const go = () => put(b, go); go()");
    await expect(sourceOf(recipe).run(new Recorder(), never())).rejects.toThrow(
      /^\d+ bytes came and none of them is a PPM picture: check the format$/,
    );
  });

  it("goes with all that it started, though it ignores being asked", async () => {
    const body = `
      process.on("SIGTERM", () => {});
      const { spawn } = require("node:child_process");
      const sleeper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });
      const pids = Buffer.alloc(6); pids.writeUInt32LE(sleeper.pid);
      put(Buffer.concat([Buffer.from("P6 2 1 255\\n"), pids]));
      setInterval(() => {}, 1000);`;
    const sink = new Recorder();
    const stop = new AbortController();
    const running = sourceOf(script(body)).run(sink, stop.signal);
    await sink.count(1);
    const { image } = sink.frames[0]!;
    const grandchild = Buffer.from(image.kind === "raw" ? image.data : []).readUInt32LE();
    expect(isRunning(grandchild)).toBe(true);
    stop.abort();
    await running;
    expect(isRunning(grandchild)).toBe(false);
  });

  it("may chat on standard output when it writes pictures to descriptor 3", async () => {
    const sink = new Recorder();
    const body = "put('GST_ARGUS: ready\\n'); require('fs').writeSync(3, ppm(4))";
    await sourceOf(script(body, { fd: 3, endless: false })).run(sink, never());
    expect(sink.frames).toHaveLength(1);
  });

  it("is followed by the next way where it shows no picture, and kept where it does", async () => {
    const sink = new Recorder();
    const source = sourceOf(script("process.exit(1)"), script("put(ppm(1))"));
    await expect(source.run(sink, never())).rejects.toThrow("exit code 1");
    await expect(source.run(sink, never())).rejects.toThrow("exit code 0");
    await expect(source.run(sink, never())).rejects.toThrow("exit code 0");
    expect(sink.frames).toHaveLength(2);
  });

  it("is slowed down by a sink that makes it wait", async () => {
    const sink = new Recorder();
    const releases: (() => void)[] = [];
    sink.frame = (frame) =>
      new Promise((resolve) => {
        sink.frames.push(frame);
        releases.push(() => resolve({ kind: "accepted" }));
      });
    const body = "for (let i = 0; i < 50; i++) put(ppm(i))";
    const running = sourceOf(script(body, { endless: false })).run(sink, never());
    for (let i = 0; i < 50; i++) {
      while (releases.length <= i) await new Promise((resolve) => setImmediate(resolve));
      expect(sink.frames).toHaveLength(i + 1);
      releases[i]?.();
    }
    await running;
  });

  it("that falls silent is started again, after the old one is gone", async () => {
    const body = "put(ppm(process.pid % 256)); setInterval(() => {}, 1000)";
    const recipes = async () => [script(body)] as const;
    const source = new CommandSource({ recipes, fps: undefined, stallMsMax: 200 });
    const sink = new Recorder();
    const states: string[] = [];
    const camera = new Camera({
      name: "cam",
      source,
      sink,
      limits: { delayMsMin: 0, delayMsMax: 0, startsPerMinuteMax: 100, failuresMax: 3 },
      onState: (state) => states.push(state),
    });
    camera.start();
    await sink.count(3);
    await camera.stop();
    expect(states.slice(0, 5)).toEqual([
      "starting",
      "streaming",
      "stalled",
      "backing-off",
      "starting",
    ]);
    expect(states.at(-1)).toBe("stopped");
  });

  it("does not see the agent's secrets", () => {
    const all = { PATH: "/bin", FIELDLOOP_CLAIM_TOKEN: "flc_1", CAM: "x", GST_DEBUG: "3" };
    expect(environmentOf(all, ["CAM"])).toEqual({ PATH: "/bin", CAM: "x", GST_DEBUG: "3" });
  });
});

describe("MJPEG over HTTP", () => {
  let picture: Uint8Array;
  let server: Server | undefined;

  beforeAll(async () => {
    const image = { kind: "raw", data: new Uint8Array(300), width: 10, height: 10 } as const;
    picture = await encodeJpeg(image, { widthMax: 10, bytesMax: 10_000 });
  });
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function serve(answer: RequestListener): Promise<string> {
    server = createServer(answer);
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const open = (url: string) => new MjpegSource({ url, fps: undefined, stallMsMax: 5000 });
  const part = () =>
    Buffer.concat([
      Buffer.from(`--x\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`),
      picture,
      Buffer.from("\r\n"),
    ]);

  it("gives its pictures, asks with the name and password of the URL, and stops when told", async () => {
    let asked: unknown;
    const host = await serve(({ headers }, response) => {
      asked = headers.authorization;
      response.writeHead(200, { "content-type": "multipart/x-mixed-replace; boundary=x" });
      for (let i = 0; i < 3; i++) response.write(part());
    });
    const sink = new Recorder();
    const stop = new AbortController();
    const running = open(`http://me:pa%40ss@${host}/video`).run(sink, stop.signal);
    await sink.count(3);
    stop.abort();
    await running;
    expect(asked).toBe(`Basic ${Buffer.from("me:pa@ss").toString("base64")}`);
    expect(sink.frames[2]?.image).toEqual({ kind: "encoded", bytes: Buffer.from(picture) });
    expect(sink.errors).toEqual([]);
  });

  it.each([
    [401, {}, "put name and password into the URL"],
    [401, { "www-authenticate": 'Digest realm="cam"' }, "it wants Digest authentication"],
    [302, { location: "http://elsewhere/" }, "use the address it means"],
    [404, {}, "there is no stream at this path"],
    [503, {}, "/video answered 503"],
  ])("that answers %i %j says what to do, and no password", async (status, headers, advice) => {
    const host = await serve((_, response) => response.writeHead(status, headers).end());
    const failed = open(`http://me:hunter22@${host}/video`).run(new Recorder(), never());
    await expect(failed).rejects.toThrow(advice);
    await expect(failed).rejects.not.toThrow("hunter22");
  });

  it("that ends or breaks off is an error", async () => {
    const host = await serve((_, response) => {
      response.writeHead(200);
      response.end(part());
    });
    await expect(open(`http://${host}/`).run(new Recorder(), never())).rejects.toThrow(
      "ended after 1 pictures",
    );
    const gone = await serve((_, response) => {
      response.writeHead(200);
      response.write(part().subarray(0, 90), () => response.destroy());
    });
    await expect(open(`http://${gone}/`).run(new Recorder(), never())).rejects.toThrow("aborted");
  });

  it("that cannot be reached is named", async () => {
    await expect(open("http://127.0.0.1:9/video").run(new Recorder(), never())).rejects.toThrow(
      /^cannot reach the camera at http:\/\/127\.0\.0\.1:9: /,
    );
  });
});
