import { request as httpRequest } from "node:http";
import { AppError } from "@fieldloop/shared/errors";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../platform/log.ts";
import type { WatchedCamera } from "./cameras.ts";
import { LocalApi, type LocalApiHandlers, type Pushed } from "./server.ts";

let api: LocalApi;
let pushed: Pushed = { kind: "accepted", frame: "f1" };
let problems: string[] = [];
const wished: object[] = [];
let jpeg: Uint8Array | undefined;
const watched: WatchedCamera = {
  health: () => ({ reference: null }),
  focus: (peak) => (peak === 7 ? undefined : { percent: 50, peak }),
  commission: (options) => wished.push(options),
  referenceJpeg: async () => jpeg,
};
const handlers: LocalApiHandlers = {
  status: async () => ({ device: "cam-1" }),
  results: () => [{ frame: "f1" }],
  snapshot: async (camera) => (camera === "belt" ? Buffer.from([0xff, 0xd8]) : undefined),
  infer: async (image) => {
    if (image[0] === 0x68) throw new AppError({ code: "image", message: "that is no image" });
    if (image[0] === 0) throw new Error("a secret of the inside");
    return { label: "clean" };
  },
  push: async (_camera, _image, id) =>
    (id === undefined ? pushed : { ...pushed, frame: id }) as Pushed,
  watch: (camera) => {
    if (camera === "belt") return watched;
    throw new AppError({ code: "not-watched", message: `${camera} is not watched`, status: 409 });
  },
  observe: (body) => ({ accepted: body.length }),
  metrics: () => "a 1\n",
  problems: () => problems,
  cameras: ["belt", "door"],
};

beforeEach(async () => {
  api = new LocalApi({ host: "127.0.0.1", port: 0, handlers, bodyBytesMax: 1000, log: silentLog });
  pushed = { kind: "accepted", frame: "f1" };
  problems = [];
  await api.start();
});
afterEach(() => api.stop());

interface Answer {
  status: number;
  type: string;
  body: string;
}

function ask(
  method: string,
  path: string,
  body?: Uint8Array | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${api.url}${path}`, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"] ?? "",
          body: Buffer.concat(chunks).toString("latin1"),
        }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

test.each([
  ["GET", "/v1/status", 200, "application/json", '{"device":"cam-1"}'],
  ["GET", "/v1/results", 200, "application/json", '{"items":[{"frame":"f1"}]}'],
  ["GET", "/v1/snapshot?camera=belt", 200, "image/jpeg", "ÿØ"],
  ["GET", "/metrics", 200, "text/plain; version=0.0.4", "a 1\n"],
  ["GET", "/healthz", 200, "application/json", '{"ok":true,"problems":[]}'],
])("%s %s answers %i", async (method, path, status, type, body) => {
  expect(await ask(method, path)).toEqual({ status, type, body });
});

test("images are inferred and frames are pushed under their id", async () => {
  expect(await ask("POST", "/v1/infer", "xx")).toMatchObject({ body: '{"label":"clean"}' });
  const answer = await ask("POST", "/v1/cameras/belt/frames", "xx", { "x-frame-id": "my 7" });
  expect(answer).toMatchObject({ status: 202, body: '{"kind":"accepted","frame":"my 7"}' });
});

test.each([
  ["GET", "/v1/nothing", "", 404, "there is no /v1/nothing here"],
  ["GET", "/v1/infer", "", 405, "/v1/infer takes POST"],
  [
    "GET",
    "/v1/snapshot?camera=attic",
    "",
    404,
    'there is no camera \\"attic\\"; configured: belt, door',
  ],
  ["GET", "/v1/snapshot?camera=door", "", 404, "the camera door has no frame with a result yet"],
  ["POST", "/v1/infer", "", 400, "the request has no body"],
  ["POST", "/v1/infer", "h", 400, "that is no image"],
  ["POST", "/v1/infer", "x".repeat(2000), 413, "the body is larger than the 1000 bytes allowed"],
  ["POST", "/v1/infer", "\0", 500, "something went wrong; see the log"],
  ["POST", "/v1/cameras/%E0/frames", "x", 400, "URI malformed"],
])("%s %s with %j is a problem in one sentence", async (method, path, body, status, sentence) => {
  const answer = await ask(method, path, body);
  expect(answer).toMatchObject({ status, type: "application/problem+json" });
  expect(answer.body).toContain(sentence);
  expect(answer.body).not.toContain("secret");
});

test("a body without a length is cut off at the limit", async () => {
  const answer = await ask("POST", "/v1/infer", "x".repeat(2000), {
    "transfer-encoding": "chunked",
  });
  expect(answer.status).toBe(413);
});

test.each<[Pushed, number]>([
  [{ kind: "dropped", frame: "f", cause: "busy" }, 503],
  [{ kind: "dropped", frame: "f", cause: "oversized" }, 413],
  [{ kind: "refused", reason: "the camera is not running" }, 409],
])("a frame that became %j answers %i", async (became, status) => {
  pushed = became;
  expect(await ask("POST", "/v1/cameras/belt/frames", "x")).toMatchObject({ status });
});

test("pages from elsewhere are kept out", async () => {
  const foreign = await ask("GET", "/v1/status", undefined, { host: "evil.example" });
  expect(foreign.status).toBe(403);
  const page = await ask("POST", "/v1/infer", "x", { origin: "http://evil.example" });
  expect(page.status).toBe(403);
});

test("health names what is wrong", async () => {
  problems = ["the disk is full"];
  expect(await ask("GET", "/healthz")).toMatchObject({
    status: 503,
    body: '{"ok":false,"problems":["the disk is full"]}',
  });
});

test("a taken port is said with the setting to change", async () => {
  const port = Number(new URL(api.url).port);
  const second = new LocalApi({
    host: "127.0.0.1",
    port,
    handlers,
    bodyBytesMax: 1,
    log: silentLog,
  });
  await expect(second.start()).rejects.toThrow("set http.port or FIELDLOOP_AGENT_HTTP_PORT");
});

test("a camera's health, focus and reference are asked for by its name", async () => {
  expect(await ask("GET", "/v1/cameras/belt/health")).toMatchObject({ body: '{"reference":null}' });
  const focus = await ask("GET", "/v1/cameras/belt/focus?peak=1.5");
  expect(focus.body).toBe('{"percent":50,"peak":1.5}');
  for (const peak of ["x", "-1", "Infinity", ""])
    expect((await ask("GET", `/v1/cameras/belt/focus?peak=${peak}`)).body).toContain('"peak":0');
  const early = await ask("GET", "/v1/cameras/belt/focus?peak=7");
  expect([early.status, early.body]).toEqual([
    404,
    expect.stringContaining("the camera belt has given no frame yet"),
  ]);
  const missing = await ask("GET", "/v1/cameras/belt/reference");
  expect([missing.status, missing.body]).toEqual([
    404,
    expect.stringContaining("make one with POST /v1/cameras/belt/reference"),
  ]);
  jpeg = Buffer.from([0xff, 0xd8]);
  const picture = await ask("GET", "/v1/cameras/belt/reference");
  expect([picture.status, picture.type]).toEqual([200, "image/jpeg"]);
  expect((await ask("GET", "/v1/cameras/door/health")).status).toBe(409);
  expect((await ask("GET", "/v1/cameras/none/health")).status).toBe(404);
});

test("a reference is made with what is asked for, or with what is usual", async () => {
  wished.length = 0;
  expect((await ask("POST", "/v1/cameras/belt/reference")).status).toBe(202);
  const body = JSON.stringify({ thumbnails: 60, spacingMs: 500 });
  expect((await ask("POST", "/v1/cameras/belt/reference", body)).status).toBe(202);
  expect(wished).toEqual([
    { thumbnails: 30, spacingMs: 1000 },
    { thumbnails: 60, spacingMs: 500 },
  ]);
  for (const bad of ["no json", '{"thumbnails":3}', '{"frames":30}', "[]"]) {
    const { status, body: said } = await ask("POST", "/v1/cameras/belt/reference", bad);
    expect([status, said]).toEqual([400, expect.stringContaining("10 to 512")]);
  }
  expect(wished).toHaveLength(2);
});

test("the page for commissioning needs nothing from elsewhere", async () => {
  const html = await ask("GET", "/");
  expect([html.status, html.type]).toEqual([200, "text/html; charset=utf-8"]);
  expect(html.body).not.toMatch(/https?:\/\//);
  const script = await ask("GET", "/page.js");
  expect(script.type).toBe("text/javascript; charset=utf-8");
  expect(() => new Function(script.body)).not.toThrow();
});
