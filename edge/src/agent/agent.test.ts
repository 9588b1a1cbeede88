import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelManifest } from "@fieldloop/shared/manifest/model";
import { reportedState } from "@fieldloop/shared/messages/twin";
import { canonicalJson } from "@fieldloop/shared-node/crypto/canonical-json";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { encodeJpeg } from "@fieldloop/shared-node/image";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { colourModel } from "../../../shared/node/test/tiny-onnx.ts";
import { TestCloud } from "../../test/cloud.ts";
import { type AgentConfig, readConfig } from "../config.ts";
import { chooseProfile, readProfiles } from "../perception/inference/profile.ts";
import { realFiles } from "../platform/files.ts";
import { silentLog } from "../platform/log.ts";
import { enrol } from "../upkeep/provisioning/enrol.ts";
import { Agent } from "./agent.ts";

let cloud: TestCloud;
let folder: string;
let agent: Agent | undefined;

beforeEach(async () => {
  cloud = await new TestCloud().start();
  folder = mkdtempSync(join(tmpdir(), "agent-"));
  writeFileSync(join(folder, "scene.mjs"), scene);
});
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Red and green pictures in turn; the setting "light: off" makes them dark, another one is refused. */
const scene = `
export function openScene({ settings }) {
  let light = "on";
  const configure = (s) => {
    if (!["on", "off", undefined].includes(s.light)) throw new Error("light is on or off");
    light = s.light ?? "on";
  };
  configure(settings);
  return {
    width: 8,
    height: 6,
    configure,
    render(tick) {
      const level = light === "on" ? 250 : 10;
      const pixel = tick % 2 === 0 ? [level, 0, 0] : [0, level, 0];
      return Uint8Array.from({ length: 8 * 6 * 3 }, (_, i) => pixel[i % 3]);
    },
  };
}
`;

const labels = ["red", "green", "blue"];

/** Puts a version of the colour model into the cloud; \`expected\` is what its golden question says. */
async function publish(version: string, expected = "red") {
  const data = Uint8Array.from({ length: 8 * 6 * 3 }, (_, i) => (i % 3 === 0 ? 250 : 0));
  const jpeg = await encodeJpeg(
    { kind: "raw", data, width: 8, height: 6 },
    { widthMax: 8, bytesMax: 4000 },
  );
  const image = cloud.addBlob(Buffer.from(jpeg));
  const model = cloud.addBlob(Buffer.from(colourModel()));
  const manifest: ModelManifest = {
    schema: "fieldloop.model/1",
    name: "colours",
    version,
    task: "classification",
    licence: null,
    description: "",
    labels,
    output: { kind: "classification", scores: "logits", activation: "softmax" },
    confidenceMin: 0.5,
    variants: [
      {
        kind: "float32",
        digest: model.digest,
        bytes: model.bytes,
        input: {
          name: "image",
          layout: "NCHW",
          type: "float32",
          width: 8,
          height: 6,
          fit: "stretch",
          colour: "rgb",
          mean: [0, 0, 0],
          std: [25.5, 25.5, 25.5],
        },
        requires: [],
        goldens: [
          {
            image: image.digest,
            bytes: image.bytes,
            label: expected,
            detections: null,
            confidence: 1,
            tolerance: 0.5,
          },
        ],
        temperature: 1,
      },
    ],
  };
  const text = canonicalJson(manifest);
  const { bytes } = cloud.addBlob(text);
  return { name: "colours", version, manifest: sha256Of(text), manifestBytes: bytes };
}

function config(): AgentConfig {
  return readConfig(
    JSON.stringify({
      cloud: { url: cloud.url, claimToken: cloud.claimToken },
      device: { name: "cam-1", profile: "linux-x64" },
      dataDir: join(folder, "data"),
      http: { port: 0 },
      link: { delayMsMin: 20, delayMsMax: 100 },
      cameras: [
        {
          name: "belt",
          kind: "synthetic",
          fps: 50,
          synthetic: { module: join(folder, "scene.mjs") },
        },
        { name: "push", kind: "http" },
      ],
    }),
    {},
    "test",
  );
}

async function start(own = config()): Promise<Agent> {
  const { identity } = await enrol({
    files: realFiles,
    identityPath: join(own.dataDir, "identity.json"),
    cloudUrl: cloud.url,
    claimToken: cloud.claimToken,
    name: "cam-1",
    role: "camera",
    profile: "linux-x64",
    idempotencyKey: "key",
  });
  const board = { architecture: process.arch, deviceTreeModel: null };
  agent = new Agent({
    config: own,
    cloud: { url: cloud.url, identity },
    profile: chooseProfile(await readProfiles(), board, null).profile,
    agentVersion: "0.1.0",
    log: silentLog,
  });
  await agent.start();
  return agent;
}

const everything = { results: "all", sampleShare: 1, windowMs: 1000 } as const;
const lastState = () => reportedState.parse(cloud.states.at(-1));

test("a device enrols once, gets its model, and tells every result exactly once", async () => {
  cloud.setDesired({ model: await publish("1.0.0"), settings: everything });
  const { boot, eye } = await start();
  await cloud.until(() => cloud.results.length > 40 && cloud.windows.length > 0);
  await cloud.until(
    () => lastState().model?.version === "1.0.0" && lastState().desiredVersion === 1,
  );
  expect(lastState()).toMatchObject({
    boot,
    profile: "linux-x64",
    settings: everything,
    model: { name: "colours", provider: "cpu", variant: "float32" },
    update: { version: "1.0.0", phase: "active" },
  });
  const counted = () => eye.stats("belt");
  await agent?.stop();
  agent = undefined;
  expect(cloud.results).toHaveLength(counted().results);
  expect(new Set(cloud.results.map(({ seq }) => seq)).size).toBe(cloud.results.length);
  expect(cloud.windows.reduce((sum, { results }) => sum + results, 0)).toBe(counted().results);
  expect(new Set(cloud.results.map(({ label }) => label))).toEqual(new Set(["red", "green"]));
  expect(cloud.online.at(-1)).toMatchObject({ online: false, boot });
  expect(cloud.enrolled).toBe(1);
  expect(cloud.events.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(["agent-started", "model-active"]),
  );
});

test("a new version is taken over, a failing one is not, and both are said", async () => {
  cloud.setDesired({ model: await publish("1.0.0"), settings: everything });
  await start();
  await cloud.until(() => cloud.results.length > 5);
  cloud.setDesired({ model: await publish("1.0.1") });
  await cloud.until(() => cloud.results.some(({ model }) => model === "colours@1.0.1"));
  cloud.setDesired({ model: await publish("1.0.2", "blue") });
  await cloud.until(() => cloud.ota.some(({ phase }) => phase === "failed"));
  await cloud.until(() => lastState().update?.phase === "failed");
  expect(lastState()).toMatchObject({
    model: { version: "1.0.1" },
    update: { version: "1.0.2", reason: expect.stringContaining('gives "red"') },
  });
  const before = cloud.results.length;
  await cloud.until(() => cloud.results.length > before + 5);
  expect(cloud.results.at(-1)?.model).toBe("colours@1.0.1");
});

test("without a network it goes on with what it knows, and catches up later", async () => {
  cloud.setDesired({ model: await publish("1.0.0"), settings: everything });
  await start();
  await cloud.until(() => cloud.results.length > 5);
  await agent?.stop();
  await cloud.killBroker();
  const told = cloud.results.length;
  const again = await start();
  await vi.waitFor(() => expect(again.eye.stats("belt").results).toBeGreaterThan(20));
  expect(cloud.results).toHaveLength(told);
  await cloud.startBroker();
  await cloud.until(() => cloud.results.length > told + 20);
  expect(cloud.enrolled).toBe(1);
});

test("scene and preview follow the desired document; a scene that does not exist is an event", async () => {
  cloud.setDesired({ model: await publish("1.0.0"), scene: { light: "off" } });
  await start();
  await cloud.until(() => cloud.states.length > 0 && lastState().scene.light === "off");
  expect(cloud.previews).toEqual([]);
  cloud.setDesired({ scene: { light: "purple" }, preview: { until: Date.now() + 60_000 } });
  await cloud.until(() => cloud.events.some(({ kind }) => kind === "scene-refused"));
  await vi.waitFor(() => expect(cloud.previews.length).toBeGreaterThan(1), { timeout: 5000 });
  expect(cloud.previews[0]).toMatchObject({ result: { camera: "belt", model: "colours@1.0.0" } });
  cloud.setDesired({ preview: null });
});

test("a scene that is refused from the start does not keep the camera from starting", async () => {
  cloud.setDesired({ model: await publish("1.0.0"), scene: { light: "purple" } });
  const { eye } = await start();
  await cloud.until(() => cloud.events.some(({ kind }) => kind === "scene-refused"));
  await vi.waitFor(() => expect(eye.stats("belt").results).toBeGreaterThan(5));
  expect(eye.scene).toEqual({});
});

test("the local interface shows the device and takes frames", async () => {
  cloud.setDesired({ model: await publish("1.0.0"), settings: everything });
  const { url } = await start();
  await cloud.until(() => cloud.results.length > 5);
  const status = await (await fetch(`${url}/v1/status`)).json();
  expect(status).toMatchObject({ device: "cam-1", cloud: { link: "online" }, problems: [] });
  const { items } = (await (await fetch(`${url}/v1/results`)).json()) as { items: object[] };
  expect(items[0]).toMatchObject({ camera: "belt", model: "colours@1.0.0" });
  const snapshot = await fetch(`${url}/v1/snapshot?camera=belt`);
  const jpeg = Buffer.from(await snapshot.arrayBuffer());
  expect([...jpeg.subarray(0, 2)]).toEqual([0xff, 0xd8]);
  const inferred = await fetch(`${url}/v1/infer`, { method: "POST", body: jpeg });
  expect(await inferred.json()).toMatchObject({
    model: "colours@1.0.0",
    label: expect.any(String),
  });
  const headers = { "x-frame-id": "mine-7" };
  const pushed = await fetch(`${url}/v1/cameras/push/frames`, {
    method: "POST",
    body: jpeg,
    headers,
  });
  expect(pushed.status).toBe(202);
  await cloud.until(() => cloud.results.some(({ frame }) => frame === "mine-7"));
  const text = await fetch(`${url}/v1/infer`, { method: "POST", body: "no image" });
  expect(text.status).toBeGreaterThanOrEqual(400);
  expect(text.status).toBeLessThan(500);
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
    /fieldloop_agent_frames_total\{camera="belt",outcome="result",cause=""\} \d+/,
  );
  const refused = await fetch(`${url}/v1/cameras/belt/frames`, { method: "POST", body: jpeg });
  expect(refused.status).toBe(409);
});

test("what another program has seen is told like our own results, without a model of ours", async () => {
  const external = { name: "dock", kind: "external", external: { model: "yolo@2.0.0" } };
  const settings = { ...config(), cameras: [external] };
  cloud.setDesired({ settings: everything });
  const { url } = await start(readConfig(JSON.stringify(settings), {}, "test"));
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true, problems: [] });
  await cloud.until(() => cloud.states.length > 0 && lastState().settings.results === "all");
  const send = (body: unknown) =>
    fetch(`${url}/v1/observations`, { method: "POST", body: JSON.stringify(body) });
  const jpeg = await encodeJpeg(
    { kind: "raw", data: new Uint8Array(300), width: 10, height: 10 },
    { widthMax: 10, bytesMax: 4000 },
  );
  const box = [0, 0, 0.5, 0.5];
  const detections = [{ label: "person", score: 0.8, box }];
  const thumbnail = Buffer.from(jpeg).toString("base64");
  const first = await send({ camera: "dock", frame: "a", detections, latencyMs: 12, thumbnail });
  expect([first.status, await first.json()]).toEqual([
    202,
    { accepted: [{ camera: "dock", frame: "a" }] },
  ]);
  await send({ camera: "dock", frame: "b", model: "tiny@1.0.0", label: "empty", confidence: 0.9 });
  await cloud.until(() => cloud.results.length === 2);
  expect(cloud.results).toMatchObject([
    { camera: "dock", frame: "a", model: "yolo@2.0.0", label: null, latencyMs: 12, detections },
    { camera: "dock", frame: "b", model: "tiny@1.0.0", label: "empty", confidence: 0.9 },
  ]);
  const refused = await send([
    { camera: "dock", frame: "c", label: "x", confidence: 1 },
    { camera: "gate", frame: "d", label: "x", confidence: 1 },
  ]);
  expect([refused.status, await refused.json()]).toEqual([
    404,
    expect.objectContaining({
      detail: 'there is no camera "gate" of kind external; configured are dock',
    }),
  ]);
  const status = (await (await fetch(`${url}/v1/status`)).json()) as {
    frames: { dock: { frames: number; results: number } };
    cameras: { state: string }[];
  };
  expect(status.frames.dock).toMatchObject({ frames: 2, results: 2, underWay: 0 });
  expect(status.cameras[0]?.state).toBe("streaming");
  const snapshot = await fetch(`${url}/v1/snapshot?camera=dock`);
  expect(snapshot.headers.get("content-type")).toBe("image/jpeg");
});

test("two agents never share a data folder", async () => {
  await start();
  const first = agent;
  await expect(start()).rejects.toThrow("another agent runs with the data folder");
  await (agent as unknown as { stop(): Promise<void> }).stop();
  agent = first;
});
