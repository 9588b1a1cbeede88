import { endpoint, nothing } from "@fieldloop/shared/contract/endpoint";
import { AppError } from "@fieldloop/shared/errors";
import { actNames, everywhere } from "@fieldloop/shared/permissions";
import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { anonymous, type Caller } from "./caller.ts";
import { checkMatch, implement, Tagged } from "./http.ts";
import { expireKeys } from "./store.ts";

const things = {
  read: endpoint({
    method: "GET",
    path: "/api/v1/things/:id",
    summary: "Read",
    access: "devices:read",
    params: z.object({ id: z.string() }),
    query: z.object({ n: z._default(z.coerce.number(), 1) }),
    reply: z.object({ id: z.string(), n: z.number() }),
  }),
  write: endpoint({
    method: "PATCH",
    path: "/api/v1/things/:id",
    summary: "Write",
    access: "devices:write",
    params: z.object({ id: z.string() }),
    body: z.strictObject({ name: z.string().check(z.minLength(1)), fail: z.optional(z.string()) }),
    reply: z.object({ calls: z.number() }),
    ifMatch: true,
  }),
  secret: endpoint({
    method: "POST",
    path: "/api/v1/things",
    summary: "Create",
    access: "signed-in",
    reply: z.object({ token: z.string() }),
    status: 201,
    secretReply: true,
  }),
  drop: endpoint({
    method: "DELETE",
    path: "/api/v1/things/:id",
    summary: "Drop",
    access: "device",
    params: z.object({ id: z.string() }),
    reply: nothing,
    status: 204,
  }),
};

const { platform, db } = await testPlatform();
let caller: Caller = admin;
let calls = 0;
let hold: Promise<void> | undefined;
const app = await testApp(
  platform,
  [
    (instance) =>
      implement(instance, platform.idempotency, things, {
        read: async ({ params, query }) => new Tagged({ id: params.id, n: query.n }, '"r1"'),
        write: async ({ body, ifMatch, params }) => {
          checkMatch(ifMatch, '"r1"', `thing ${params.id}`);
          await hold;
          calls += 1;
          if (body.fail === "bug") throw new Error("the password is hunter2");
          if (body.fail === "app")
            throw new AppError({ code: "full", status: 409, message: "it is full" });
          return { calls };
        },
        secret: async () => ({ token: "s3cret" }),
        drop: async () => undefined,
      }),
  ],
  () => caller,
);
const patch = (payload: object, headers: Record<string, string> = {}) =>
  app.inject({
    method: "PATCH",
    url: "/api/v1/things/a",
    payload,
    headers: { "if-match": "*", ...headers },
  });
const key = (value: string) => ({ "idempotency-key": value });
const device: Caller = { ...anonymous, kind: "device", id: "cam-1", name: "cam-1" };
const viewer: Caller = { ...admin, name: "Vic", role: "viewer", acts: new Set(["devices:read"]) };

beforeEach(() => {
  caller = admin;
  calls = 0;
});

describe("who may call", () => {
  const read = () => app.inject({ method: "GET", url: "/api/v1/things/a" });
  const drop = () => app.inject({ method: "DELETE", url: "/api/v1/things/a" });

  it.each([
    ["nobody", anonymous, 401],
    ["a device", device, 403],
    ["a person without the act", { ...viewer, acts: new Set() } as Caller, 403],
    ["a person with the act", viewer, 200],
  ])("answers %s with the right status", async (_, who, status) => {
    caller = who;
    expect((await read()).statusCode).toBe(status);
  });

  it("says which roles may, and why a credential does not count", async () => {
    caller = viewer;
    const denied = (await patch({ name: "x" })).json();
    expect(denied.detail).toBe(
      "Vic may not devices:write: it needs the role operator or approver or admin, or a token with that act",
    );
    caller = { ...anonymous, refused: "this token was revoked" };
    expect((await read()).json()).toMatchObject({
      code: "unauthenticated",
      detail: "this token was revoked",
    });
    expect((await drop()).json().detail).toBe("this token was revoked");
  });

  it("lets devices call what is theirs, and only them", async () => {
    expect((await drop()).statusCode).toBe(401);
    caller = device;
    const reply = await drop();
    expect([reply.statusCode, reply.payload]).toEqual([204, ""]);
  });

  it("refuses before it reads the body", async () => {
    caller = anonymous;
    expect((await patch({ nonsense: true })).statusCode).toBe(401);
  });
});

describe("what is checked for every endpoint", () => {
  it("parses parameters and query, and tags what it reads", async () => {
    const reply = await app.inject({ method: "GET", url: "/api/v1/things/a?n=7" });
    expect([reply.json(), reply.headers.etag]).toEqual([{ id: "a", n: 7 }, '"r1"']);
    const bad = await app.inject({ method: "GET", url: "/api/v1/things/a?n=x" });
    expect([bad.statusCode, bad.json().errors[0].path]).toEqual([400, "n"]);
  });

  it("demands If-Match and refuses what changed meanwhile", async () => {
    const url = "/api/v1/things/a";
    const without = await app.inject({ method: "PATCH", url, payload: { name: "x" } });
    expect(without.statusCode).toBe(428);
    const stale = await patch({ name: "x" }, { "if-match": '"r0"' });
    expect([stale.statusCode, stale.json().detail]).toEqual([
      412,
      expect.stringContaining("thing a"),
    ]);
    expect((await patch({ name: "x" }, { "if-match": '"r1"' })).statusCode).toBe(200);
  });

  it("names the field that does not fit, as problem+json", async () => {
    const reply = await patch({ name: "" });
    expect(reply.headers["content-type"]).toContain("application/problem+json");
    const body = reply.json();
    expect(body).toMatchObject({
      status: 400,
      code: "invalid",
      type: "urn:fieldloop:problem:invalid",
    });
    expect(body.errors[0].path).toBe("name");
    expect((await patch({ name: "x", more: 1 })).statusCode).toBe(400);
  });

  it("hides what lies behind a bug, and shows the sentence of an expected failure", async () => {
    const bug = await patch({ name: "x", fail: "bug" });
    expect([bug.statusCode, bug.payload.includes("hunter2")]).toEqual([500, false]);
    expect(bug.json().detail).toContain(bug.json().requestId);
    expect((await patch({ name: "x", fail: "app" })).json()).toMatchObject({
      code: "full",
      detail: "it is full",
    });
  });

  it("answers unknown paths, broken JSON and oversized bodies as problems", async () => {
    const unknown = await app.inject({ method: "GET", url: "/api/v1/nothing?x=1" });
    expect(unknown.json()).toMatchObject({ status: 404, code: "not-found" });
    const headers = { "content-type": "application/json", "if-match": "*" };
    const send = (payload: string) =>
      app.inject({ method: "PATCH", url: "/api/v1/things/a", payload, headers });
    expect((await send("{")).json()).toMatchObject({ status: 400 });
    expect((await send(`{"name":"${"x".repeat(1024 * 1024)}"}`)).statusCode).toBe(413);
  });

  it("describes every endpoint in OpenAPI", async () => {
    const { paths, openapi } = (await app.inject({ method: "GET", url: "/openapi.json" })).json();
    expect(openapi).toBe("3.1.0");
    expect(paths["/api/v1/things/{id}"].patch.description).toBe("Access: devices:write");
  });
});

describe("an idempotency key", () => {
  it("makes a repeated write happen once and answers it again", async () => {
    const first = await patch({ name: "x" }, key("k1"));
    const again = await patch({ name: "x" }, key("k1"));
    expect([first.json(), again.json(), calls]).toEqual([{ calls: 1 }, { calls: 1 }, 1]);
  });

  it("belongs to one request of one caller", async () => {
    await patch({ name: "x" }, key("k2"));
    expect((await patch({ name: "y" }, key("k2"))).json().code).toBe("idempotency-key-reused");
    caller = { ...admin, id: "somebody-else", acts: new Set(actNames), scope: everywhere };
    expect((await patch({ name: "y" }, key("k2"))).json()).toEqual({ calls: 2 });
  });

  it("is free again after a failure, and busy while the first request runs", async () => {
    expect((await patch({ name: "x", fail: "app" }, key("k3"))).statusCode).toBe(409);
    expect((await patch({ name: "x" }, key("k3"))).statusCode).toBe(200);
    let release = () => {};
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const slow = Promise.resolve(patch({ name: "x" }, key("k4"))); // sent at once, not when awaited
    await expect
      .poll(async () => (await patch({ name: "x" }, key("k4"))).json().code)
      .toBe("in-progress");
    release();
    hold = undefined;
    expect((await slow).statusCode).toBe(200);
  });

  it("never shows a secret twice, and is forgotten in time", async () => {
    const create = () => app.inject({ method: "POST", url: "/api/v1/things", headers: key("k5") });
    expect((await create()).json()).toEqual({ token: "s3cret" });
    expect((await create()).json()).toMatchObject({ status: 409, code: "shown-once" });
    const kept = await db.selectFrom("idempotency").select("reply").execute();
    expect(JSON.stringify(kept)).not.toContain("s3cret");
    await expireKeys(db, new Date(Date.now() + 60_000));
    expect((await create()).statusCode).toBe(201);
    expect((await patch({ name: "x" }, key("k".repeat(201)))).statusCode).toBe(400);
  });
});
