import { expect, test } from "vitest";
import * as z from "zod/mini";
import { readConfig } from "./config.ts";

z.config(z.locales.en());

const read = (text: string, environment: Record<string, string> = {}) =>
  readConfig(text, environment, "agent.yaml");

test("an empty file gives the defaults", () => {
  expect(read("")).toMatchObject({
    dataDir: ".fieldloop-agent",
    http: { host: "127.0.0.1", port: 8090 },
    device: { role: "camera" },
    cameras: [],
    reporting: { outboxBytesMax: 268435456 },
    logLevel: "info",
  });
});

test("cameras of every kind are understood", () => {
  const config = read(`
cloud: { url: "http://127.0.0.1:8080/", claimToken: flc_1 }
cameras:
  - { name: door, kind: directory, directory: { path: /srv/frames } }
  - { name: push, kind: http, policy: drop-latest }
  - { name: belt, kind: synthetic, fps: 2, synthetic: { module: ./egg-line.js } }
  - { name: gate, kind: rtsp, fps: 5, rtsp: { url: "rtsp://me:pw@10.0.0.7/live", codec: h264 } }
  - { name: yard, kind: mjpeg, mjpeg: { url: "http://10.0.0.8/video.mjpg" } }
  - { name: desk, kind: v4l2, v4l2: { device: "usb:046d:0825:5A6B@1-1.2" } }
  - { name: lens, kind: csi }
  - { name: tape, kind: file, file: { path: clips/a.mp4 } }
  - { name: tool, kind: command, command: { run: [my-camera], format: gray, width: 64, height: 48 } }
`);
  expect(config.cloud?.url).toBe("http://127.0.0.1:8080");
  expect(config.cameras.map(({ kind }) => kind)).toEqual(
    "directory http synthetic rtsp mjpeg v4l2 csi file command".split(" "),
  );
  expect(config.cameras[6]).toMatchObject({ stallMsMax: 10_000, csi: { width: 1280, index: 0 } });
  expect(config.cameras[2]).toMatchObject({ queueFramesMax: 2, synthetic: { settings: {} } });
});

test("the environment wins over the file", () => {
  const config = read("http: { host: 127.0.0.2, port: 1 }\ncloud: { url: 'http://a:1' }", {
    FIELDLOOP_AGENT_HTTP_PORT: "0",
    FIELDLOOP_URL: "https://b:2",
    FIELDLOOP_CLAIM_TOKEN: "",
  });
  expect(config.http).toEqual({ host: "127.0.0.2", port: 0 });
  expect(config.cloud).toEqual({ url: "https://b:2" });
});

test.each([
  [
    "camras: []",
    'agent.yaml: unknown key "camras"; allowed here: cloud, device, dataDir, deviceKeyFile, http, cameras, frigate, outputs, model, reporting, link, engine, threads, frameBytesMax, logLevel',
  ],
  ["http: { prot: 1 }", 'agent.yaml: unknown key "http.prot"; allowed here: host, port'],
  [
    "cameras: [{ name: a, kind: directory, directory: { pth: x, path: y } }]",
    'agent.yaml: unknown key "cameras.0.directory.pth"; allowed here: path, loop',
  ],
  [
    "cameras: [{ name: a, kind: http, fsp: 1 }]",
    'agent.yaml: unknown key "cameras.0.fsp"; allowed here: name, fps, policy, queueFramesMax, frameAgeMsMax, region, motion, facts, health, kind',
  ],
  ["http: { port: eighty }", 'agent.yaml: http.port is "eighty": expected number, received string'],
  [
    "http: { port: 70000 }",
    "agent.yaml: http.port is 70000: Too big: expected number to be <=65535",
  ],
  [
    "logLevel: loud",
    'agent.yaml: logLevel is "loud": expected one of "trace"|"debug"|"info"|"warn"|"error"|"silent"',
  ],
  ["cloud: {}", "agent.yaml: cloud.url is missing: use a URL such as https://cloud.example:8080"],
  [
    "cloud: { url: 'ftp://x' }",
    'agent.yaml: cloud.url is "ftp://x": use a URL such as https://cloud.example:8080',
  ],
  [
    "cameras: [{ name: a, kind: http }, { name: a, kind: http }]",
    "every camera needs a name of its own",
  ],
  [
    "cameras: [{ name: a, kind: usb }]",
    `agent.yaml: cameras.0.kind is "usb": expected one of 'directory' | 'http' | 'synthetic' | 'external' | 'rtsp' | 'mjpeg' | 'v4l2' | 'csi' | 'file' | 'command'`,
  ],
  [
    "cameras: [{ name: a, kind: rtsp, rtsp: { url: 'http://me:secret@cam/1' } }]",
    'agent.yaml: cameras.0.rtsp.url is "http://***@cam/1": use a URL such as rtsp://camera.example:554/stream1',
  ],
  [
    "cameras: [{ name: a, kind: v4l2, v4l2: { device: video0 } }]",
    'agent.yaml: cameras.0.v4l2.device is "video0": use a path such as /dev/video0, or usb:046d:0825',
  ],
  [
    "cameras: [{ name: a, kind: command, command: { run: [cat], format: rgb24 } }]",
    'cameras.0.command is {"run":["cat"],"format":"rgb24"}: bare pixels need width and height; mjpeg and ppm say their size themselves',
  ],
  [
    "cameras: [{ name: a, kind: command, command: { run: [], format: ppm } }]",
    "agent.yaml: cameras.0.command.run is []: Too small",
  ],
  [
    "cameras: [{ name: a, kind: csi, region: { x: 0.5, y: 0, width: 0.6, height: 1 } }]",
    "x + width and y + height must not pass 1: the region lies inside the picture",
  ],
  [
    "cameras: [{ name: a, kind: csi, csi: { width: 1000 } }]",
    "agent.yaml: cameras.0.csi.width is 1000: ",
  ],
  ["- a", 'agent.yaml must be a mapping of settings such as "dataDir: /var/lib/fieldloop-agent"'],
  ["a: b: c", "agent.yaml is not valid YAML"],
])("%s stops the start with one line", (text, message) => {
  let said = "";
  try {
    read(text);
  } catch (error) {
    said = (error as Error).message;
  }
  expect(said).toContain(message);
  expect(said).not.toContain("\n");
});

test("a bad value from the environment names the variable", () => {
  expect(() => read("", { FIELDLOOP_AGENT_HTTP_PORT: "http" })).toThrow(
    'FIELDLOOP_AGENT_HTTP_PORT is "http": expected number, received string',
  );
});
