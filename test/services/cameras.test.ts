/**
 * Cameras against real streams: RTSP from GStreamer's server, MJPEG over HTTP and files from ffmpeg,
 * bare pixels from gst-launch. V4L2 and camera connectors need their hardware and are not run here.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Camera } from "@fieldloop/edge/perception/camera/camera";
import { defaultPolicyOf, openSource } from "@fieldloop/edge/perception/camera/open-source";
import { type CameraConfig, cameraSettings } from "@fieldloop/edge/perception/camera/settings";
import type { Frame, FrameSink } from "@fieldloop/edge/perception/camera/source";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort, repository, scratchFolder } from "../support/processes.ts";

const runs = (program: string, ...args: readonly string[]) => {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
const rtspBindings = "import gi; gi.require_version('GstRtspServer', '1.0')";
const hasFfmpeg = runs("ffmpeg", "-version");
const hasGst = runs("gst-launch-1.0", "--version");
const hasRtsp = runs("/usr/bin/python3", "-c", rtspBindings);
if (!hasFfmpeg || !hasGst || !hasRtsp)
  console.warn(
    "skipped in part: ffmpeg, gst-launch-1.0 and GStreamer's RTSP server (Debian: ffmpeg gstreamer1.0-tools gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-ugly) are not all installed",
  );

/** Keeps what comes, up to a bound, and can be waited on. */
class Recorder implements FrameSink {
  readonly frames: Frame[] = [];
  readonly errors: string[] = [];
  readonly drops: string[] = [];
  readonly #looks = new Set<() => void>();

  async frame(frame: Frame) {
    this.frames.push(frame);
    this.look();
    return { kind: "accepted" } as const;
  }
  dropped(_id: string, cause: string) {
    this.drops.push(cause);
  }
  failed(_id: string, error: Error) {
    this.errors.push(error.message);
  }
  look(): void {
    for (const one of this.#looks) one();
  }
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
      look();
    });
  }
  count(n: number): Promise<void> {
    return this.until(() => this.frames.length >= n);
  }
}

const limits = { delayMsMin: 100, delayMsMax: 500, startsPerMinuteMax: 60, failuresMax: 3 };
const running: Camera[] = [];
const programs: ChildProcess[] = [];

afterEach(async () => {
  for (const camera of running.splice(0)) await camera.stop();
  for (const program of programs.splice(0)) {
    program.kill("SIGCONT");
    program.kill("SIGKILL");
  }
});

function open(settings: object) {
  const config: CameraConfig = cameraSettings.parse({ name: "cam", ...settings });
  const sink = new Recorder();
  const told: string[] = [];
  const options = { frameBytesMax: 32 * 1024 * 1024, video: undefined, seed: "s" };
  const camera = new Camera({
    name: "cam",
    source: openSource(config, options),
    sink,
    limits,
    onState: (state, reason) => {
      told.push(reason === null ? state : `${state}: ${reason}`);
      sink.look();
    },
  });
  running.push(camera);
  camera.start();
  return { camera, sink, told, policy: defaultPolicyOf(config.kind) };
}

function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  programs.push(child);
  return child;
}

async function startRtsp(port: number, codec = "h264", name = "", password = "") {
  const script = join(repository, "test/support/rtsp_server.py");
  const server = start("/usr/bin/python3", [script, String(port), name, password, codec]);
  await once(server.stdout!, "data"); // stdout is a pipe
  return server;
}

/** Size and the colour in the middle of a raw frame. */
function seen({ image }: Frame) {
  if (image.kind !== "raw") throw new Error("expected bare pixels");
  const { data, width, height } = image;
  const at = 3 * (Math.floor(height / 2) * width + Math.floor(width / 2));
  return { width, height, colour: [...data.subarray(at, at + 3)] };
}

function expectColour(frame: Frame, colour: readonly number[], within = 8): void {
  seen(frame).colour.forEach((value, i) => {
    expect(Math.abs(value - (colour[i] ?? 0)), `channel ${i}`).toBeLessThan(within);
  });
}
const orange = [255, 128, 0];

describe.skipIf(!hasRtsp || !hasFfmpeg)("an RTSP camera", () => {
  it.each(["h264", "mjpeg"])("that sends %s shows what is in front of it", async (codec) => {
    const port = await freePort();
    await startRtsp(port, codec);
    const rtsp = { url: `rtsp://127.0.0.1:${port}/live`, widthMax: 160 };
    const { sink, camera } = open({ kind: "rtsp", fps: 5, rtsp });
    await sink.count(5);
    expect(camera.status()).toMatchObject({ state: "streaming", reason: null, restarts: 0 });
    expect(seen(sink.frames[4]!)).toMatchObject({ width: 160, height: 120 });
    // The server writes video's range of 16 to 235 into JPEGs, which have 0 to 255.
    expectColour(sink.frames[4]!, orange, codec === "mjpeg" ? 24 : 8);
    expect(new Set(sink.frames.map(({ id }) => id)).size).toBe(sink.frames.length);
  });

  it("gives no more pictures than are wanted, by the pictures' own times", async () => {
    const port = await freePort();
    await startRtsp(port);
    const rtsp = { url: `rtsp://127.0.0.1:${port}/live` };
    const { sink } = open({ kind: "rtsp", fps: 5, rtsp });
    await sink.count(12);
    const [first, last] = [sink.frames[1]!, sink.frames[11]!];
    // Ten periods of 200 ms; the server's pictures come every 67 ms.
    expect(last.capturedAt - first.capturedAt).toBeGreaterThan(1500);
    expect(sink.drops).toEqual([]);
  });

  it("is let in with name and password, and neither is ever told", async () => {
    const port = await freePort();
    await startRtsp(port, "h264", "me", "hunter22");
    const url = (password: string) => `rtsp://me:${password}@127.0.0.1:${port}/live`;
    const right = open({ kind: "rtsp", rtsp: { url: url("hunter22") } });
    await right.sink.count(1);
    const wrong = open({ kind: "rtsp", rtsp: { url: url("wrong-password") } });
    await wrong.sink.until(() => wrong.told.some((one) => one.startsWith("failed")));
    const reason = wrong.camera.status().reason ?? "";
    expect(reason).toContain("ffmpeg ended with exit code 1 before its first picture");
    expect(reason).toContain(`rtsp://***@127.0.0.1:${port}/live`);
    expect(reason).toContain("401 Unauthorized");
    expect(wrong.told.join()).not.toMatch(/wrong-password|me:/);
  });

  it("comes back when its server was killed and is there again", async () => {
    const port = await freePort();
    const server = await startRtsp(port);
    const { sink, told } = open({ kind: "rtsp", rtsp: { url: `rtsp://127.0.0.1:${port}/live` } });
    await sink.count(3);
    server.kill("SIGKILL");
    await sink.until(() => told.some((one) => one.startsWith("failed")));
    const before = sink.frames.length;
    await startRtsp(port);
    await sink.count(before + 3);
    expect(told.at(-1)).toBe("streaming");
    expect(told.find((one) => one.startsWith("failed"))).toContain("Connection refused");
  });

  it("that hangs is noticed and started again", async () => {
    const port = await freePort();
    const server = await startRtsp(port);
    const url = `rtsp://127.0.0.1:${port}/live`;
    const { sink, told } = open({ kind: "rtsp", stallMsMax: 1500, rtsp: { url } });
    await sink.count(3);
    server.kill("SIGSTOP");
    await sink.until(() => told.some((one) => one.startsWith("stalled")));
    server.kill("SIGCONT");
    const before = sink.frames.length;
    await sink.count(before + 3);
    expect(told).toContain("stalled: no frame for 1500 ms");
    expect(told.at(-1)).toBe("streaming");
  });

  it("whose hardware decoder is not there is decoded by the processor", async () => {
    const port = await freePort();
    await startRtsp(port);
    const url = `rtsp://127.0.0.1:${port}/live`;
    const config = cameraSettings.parse({ name: "c", kind: "rtsp", rtsp: { url, codec: "h264" } });
    const video = { decoders: { h264: ["-c:v", "no_such_decoder"] } };
    const options = { frameBytesMax: 1e8, video, seed: "s" };
    const sink = new Recorder();
    const told: string[] = [];
    const onState = (state: string, reason: string | null) => told.push(`${state} ${reason}`);
    const source = openSource(config, options);
    const camera = new Camera({ name: "c", source, sink, limits, onState });
    running.push(camera);
    camera.start();
    await sink.count(2);
    expect(told.join()).toMatch(/backing-off ffmpeg ended .*no_such_decoder/);
    expect(camera.status()).toMatchObject({ state: "streaming", restarts: 1 });
  });
});

describe.skipIf(!hasFfmpeg)("what ffmpeg serves and writes", () => {
  let folder: Awaited<ReturnType<typeof scratchFolder>>;
  const ffmpeg = (...args: readonly string[]) =>
    execFileSync("ffmpeg", ["-nostdin", "-hide_banner", "-loglevel", "error", "-y", ...args]);
  beforeAll(async () => {
    folder = await scratchFolder();
    const clip = ["-f", "lavfi", "-i", "color=0x3366cc:s=320x240:r=25:d=4"];
    ffmpeg(...clip, "-pix_fmt", "yuv420p", join(folder.path, "clip.mp4"));
    return () => folder.remove();
  });

  it("MJPEG over HTTP is read, at the wanted rate", async () => {
    const port = await freePort();
    const input = ["-re", "-f", "lavfi", "-i", "testsrc=s=160x120:r=20"];
    const serve = ["-f", "mpjpeg", "-listen", "1", `http://127.0.0.1:${port}/video`];
    start("ffmpeg", ["-nostdin", "-hide_banner", "-loglevel", "error", ...input, ...serve]);
    const mjpeg = { url: `http://127.0.0.1:${port}/video` };
    const { sink, camera } = open({ kind: "mjpeg", fps: 5, mjpeg });
    await sink.count(6);
    expect(camera.status().state).toBe("streaming");
    expect(sink.frames.every(({ image }) => image.kind === "encoded")).toBe(true);
    expect(sink.drops.length).toBeGreaterThan(6);
    expect(new Set(sink.drops)).toEqual(new Set(["rate"]));
    expect(sink.errors).toEqual([]);
  });

  it("a file is read whole and once, or at the rate that is wanted", async () => {
    const path = join(folder.path, "clip.mp4");
    const all = open({ kind: "file", file: { path } });
    await all.sink.until(() => all.told.at(-1) === "stopped");
    expect(all.policy).toBe("wait");
    expect(all.sink.frames).toHaveLength(100);
    expectColour(all.sink.frames[99]!, [0x33, 0x66, 0xcc]);
    const some = open({ kind: "file", fps: 5, file: { path, widthMax: 64 } });
    await some.sink.until(() => some.told.at(-1) === "stopped");
    expect(some.sink.frames).toHaveLength(20);
    expect(seen(some.sink.frames[0]!)).toMatchObject({ width: 64, height: 48 });
  });

  it("a file that loops goes on, and one that is missing is named", async () => {
    const looped = open({
      kind: "file",
      file: { path: join(folder.path, "clip.mp4"), loop: true },
    });
    await looped.sink.count(250);
    expect(looped.camera.status()).toMatchObject({ state: "streaming", restarts: 0 });
    const missing = open({ kind: "file", file: { path: join(folder.path, "none.mp4") } });
    await missing.sink.until(() => missing.told.some((one) => one.startsWith("failed")));
    expect(missing.camera.status().reason).toContain("none.mp4: No such file or directory");
  });

  it.each([
    ["mjpeg", ["-f", "mjpeg"]],
    ["ppm", ["-f", "image2pipe", "-c:v", "ppm"]],
  ])("a %s stream may change its resolution", async (format, output) => {
    const clip = (size: string) =>
      `ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=s=${size}:r=5:d=1 ${output.join(" ")} -`;
    const run = ["sh", "-c", `${clip("320x240")}; ${clip("640x480")}; sleep 60`];
    const { sink } = open({ kind: "command", command: { run, format } });
    await sink.count(10);
    expect(sink.errors).toEqual([]);
    if (format === "ppm") {
      const widths = sink.frames.map((frame) => seen(frame).width);
      expect(widths).toEqual([320, 320, 320, 320, 320, 640, 640, 640, 640, 640]);
    }
  });

  it("a stream with holes loses the pictures that are hurt, and no others", async () => {
    const clip = "ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=s=320x240:r=5:d=1 -f mjpeg -";
    const run = [
      "sh",
      "-c",
      `${clip}; head -c 5000 /dev/zero; ${clip}; ${clip} | head -c 3000; sleep 60`,
    ];
    const { sink } = open({ kind: "command", command: { run, format: "mjpeg" } });
    await sink.count(10);
    expect(sink.errors).toEqual(["5000 bytes that belong to no picture were skipped"]);
  });

  it.each(["yuv420p", "nv12", "bgr24", "gray"])(
    "bare %s pixels have their colour",
    async (format) => {
      const input = ["-f", "lavfi", "-i", "color=0x3366cc:s=64x48:r=5:d=1"];
      const output = ["-f", "rawvideo", "-pix_fmt", format, "-"];
      const run = ["ffmpeg", "-nostdin", "-loglevel", "error", ...input, ...output];
      const command = { run, format, width: 64, height: 48 };
      const { sink } = open({ kind: "command", command });
      await sink.count(5);
      const grey = Math.round(0.299 * 0x33 + 0.587 * 0x66 + 0.114 * 0xcc);
      expectColour(sink.frames[4]!, format === "gray" ? [grey, grey, grey] : [0x33, 0x66, 0xcc]);
    },
  );
});

describe.skipIf(!hasGst)("a GStreamer pipeline", () => {
  it("writes bare pixels to descriptor 3, as the Jetson's recipe does", async () => {
    const pipeline =
      "videotestsrc pattern=solid-color foreground-color=0xffff8000 is-live=true ! video/x-raw,format=RGB,width=320,height=240,framerate=30/1 ! videorate drop-only=true ! video/x-raw,framerate=5/1 ! fdsink fd=3";
    const run = ["gst-launch-1.0", ...pipeline.split(" ")];
    const command = { run, format: "rgb24", width: 320, height: 240, fd: 3 };
    const { sink } = open({ kind: "command", command });
    await sink.count(3);
    expectColour(sink.frames[2]!, orange);
  });
});
