import { type AppOptions, buildApp } from "@fieldloop/cloud/app";
import type { Platform } from "@fieldloop/cloud/platform/context";
import { testPlatform } from "@fieldloop/test/support/platform";
import type { FastifyInstance } from "fastify";
import { afterAll, describe, expect, it } from "vitest";
import { auditRoutes } from "../ledger/routes.ts";
import { listAudit } from "../ledger/store.ts";
import { authenticateRequest, loginAgeMsMax, loginIdleMs } from "./authenticate.ts";
import { createLoginLink, ensureFirstAdmin, forgetExpired, linkMs } from "./login.ts";
import { loginRoutes } from "./login-routes.ts";
import { peopleRoutes } from "./people-routes.ts";

const adminToken = "first-token-for-automation";
const { platform, db, clock } = await testPlatform();
const app = await appWith(platform);
const first = await ensureFirstAdmin(platform);

async function appWith(given: Platform): Promise<FastifyInstance> {
  const modules: AppOptions["modules"] = [loginRoutes, peopleRoutes, auditRoutes];
  const authenticate = authenticateRequest(given, {
    adminToken,
    verifyDevice: async () => undefined,
  });
  const built = await buildApp({ platform: given, modules, authenticate });
  afterAll(() => built.close());
  return built;
}

const codeOf = (link: string) => new URL(link).searchParams.get("code") ?? "";
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const ours = { origin: "http://localhost:80", host: "localhost:80" };

const post = (url: string, body: object, headers: Record<string, string> = {}) =>
  app.inject({ method: "POST", url, payload: body, headers: { ...ours, ...headers } });
const get = (url: string, headers: Record<string, string> = {}) =>
  app.inject({ method: "GET", url, headers: { ...ours, ...headers } });

/** Signs in as this person and returns the cookie header. */
async function signIn(email: string): Promise<{ cookie: string }> {
  const code = codeOf(await createLoginLink(platform, email));
  const reply = await post("/api/v1/login-links/redeem", { code });
  expect(reply.statusCode).toBe(200);
  return { cookie: String(reply.headers["set-cookie"]).split(";")[0] ?? "" };
}

async function addPerson(email: string, role: string, scope?: object): Promise<void> {
  const body = { email, name: email, role, ...(scope === undefined ? {} : { scope }) };
  const reply = await post("/api/v1/people", body, bearer(adminToken));
  expect(reply.statusCode).toBe(201);
}

describe("the first start", () => {
  it("creates one administrator and a link that signs in once", async () => {
    expect(first.kind).toBe("created");
    expect(await ensureFirstAdmin(platform)).toEqual({ kind: "present" });
    const link = first.kind === "created" ? first.loginLink : "";
    const reply = await post("/api/v1/login-links/redeem", { code: codeOf(link) });
    expect(reply.json()).toMatchObject({ kind: "person", name: "Admin", role: "admin" });
    const again = await post("/api/v1/login-links/redeem", { code: codeOf(link) });
    expect(again.statusCode).toBe(401);
    expect(again.json().detail).toContain("used already");
  });

  it("refuses a link after 15 minutes, and says who is known where nobody has the address", async () => {
    const link = await createLoginLink(platform);
    clock.now += linkMs;
    const late = await post("/api/v1/login-links/redeem", { code: codeOf(link) });
    expect(late.statusCode).toBe(401);
    await expect(createLoginLink(platform, "eve@x.example")).rejects.toThrow("admin@localhost");
  });
});

describe("logins", () => {
  it("keep the cookie from scripts, other sites and plain channels", async () => {
    const code = codeOf(await createLoginLink(platform));
    const reply = await post("/api/v1/login-links/redeem", { code });
    const cookie = String(reply.headers["set-cookie"]);
    expect(cookie).toMatch(new RegExp(`^fieldloop-${platform.installation.id}=`));
    for (const flag of ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"])
      expect(cookie).toContain(flag);
    const plain = await post(
      "/api/v1/login-links/redeem",
      { code: "x" },
      { host: "cloud.example" },
    );
    expect(plain.statusCode).toBe(403);
    expect(plain.json().detail).toContain("TLS");
    const behindTls = {
      host: "cloud.example",
      "x-forwarded-proto": "https",
      origin: "https://cloud.example",
    };
    expect((await post("/api/v1/login-links/redeem", { code: "x" }, behindTls)).statusCode).toBe(
      401,
    );
  });

  it("write only from the console's own pages", async () => {
    const { cookie } = await signIn("admin@localhost");
    const write = (headers: Record<string, string>) =>
      app.inject({
        method: "POST",
        url: "/api/v1/logout",
        headers: { host: "localhost:80", cookie, ...headers },
      });
    expect((await write({ origin: "https://evil.example" })).statusCode).toBe(403);
    expect((await write({ ...ours, "sec-fetch-site": "cross-site" })).statusCode).toBe(403);
    expect((await write({})).statusCode).toBe(403);
    expect((await get("/api/v1/me", { cookie, origin: "https://evil.example" })).statusCode).toBe(
      200,
    );
    expect((await write({ "sec-fetch-site": "same-origin" })).statusCode).toBe(204);
    const after = await get("/api/v1/me", { cookie });
    expect(after.statusCode).toBe(401);
    expect(after.json().detail).toBe("this login has ended; sign in again");
  });

  it("last while they are used, and 30 days at most", async () => {
    const { cookie } = await signIn("admin@localhost");
    const begun = clock.now;
    const steps = Math.floor(loginAgeMsMax / (loginIdleMs - 1));
    for (let i = 1; i <= steps; i++) {
      clock.now = begun + i * (loginIdleMs - 1);
      expect((await get("/api/v1/me", { cookie })).statusCode).toBe(200);
    }
    clock.now = begun + loginAgeMsMax;
    expect((await get("/api/v1/me", { cookie })).statusCode).toBe(401);
    const idle = await signIn("admin@localhost");
    const young = await signIn("admin@localhost");
    clock.now += loginIdleMs - 1;
    expect((await get("/api/v1/me", young)).statusCode).toBe(200);
    clock.now += 1;
    await forgetExpired(platform);
    expect((await get("/api/v1/me", young)).statusCode).toBe(200);
    expect(await db.selectFrom("logins").select("person").execute()).toHaveLength(1);
    expect((await get("/api/v1/me", idle)).statusCode).toBe(401);
  });

  it("open by password once one is set, and setting it ends the other logins", async () => {
    await addPerson("pat@x.example", "operator");
    const [one, two] = [await signIn("pat@x.example"), await signIn("pat@x.example")];
    const short = await post("/api/v1/me/password", { password: "short" }, one);
    expect(short.json().detail).toContain("at least 12 characters");
    const password = "correct horse battery";
    expect((await post("/api/v1/me/password", { password }, one)).statusCode).toBe(204);
    expect((await get("/api/v1/me", one)).statusCode).toBe(200);
    expect((await get("/api/v1/me", two)).statusCode).toBe(401);
    const login = (email: string, given: string) =>
      post("/api/v1/login", { email, password: given });
    expect((await login("Pat@X.example", password)).json()).toMatchObject({ role: "operator" });
    const wrong = await login("pat@x.example", "wrong");
    const unknown = await login("nobody@x.example", "wrong");
    expect([wrong.statusCode, unknown.statusCode]).toEqual([401, 401]);
    expect(wrong.json().detail).toBe(unknown.json().detail);
  });

  it("are limited per person and address", async () => {
    const attempts = [];
    for (let i = 0; i < 11; i++)
      attempts.push(
        (await post("/api/v1/login", { email: "zed@x.example", password: "x" })).statusCode,
      );
    expect(attempts).toEqual([...Array(10).fill(401), 429]);
    for (let i = 0; i < 40; i++) await post("/api/v1/login-links/redeem", { code: "x" });
    const reply = await post("/api/v1/login-links/redeem", { code: "x" });
    expect(reply.statusCode).toBe(429);
    expect(reply.json().detail).toMatch(/^too many sign-in attempts from here; wait \d+ s/);
    clock.now += 3_600_000;
  });
});

describe("API tokens", () => {
  const create = async (body: object) => {
    const reply = await post("/api/v1/tokens", { note: "robot", ...body }, bearer(adminToken));
    expect(reply.statusCode).toBe(201);
    return reply.json() as { id: string; token: string };
  };

  it("do what they name and nothing else, and remember their last use", async () => {
    const { id, token } = await create({ acts: ["tokens:read"] });
    const list = await get("/api/v1/tokens", bearer(token));
    expect(list.json().items).toContainEqual(
      expect.objectContaining({ id, lastUsedAt: clock.now }),
    );
    expect(JSON.stringify(list.json())).not.toContain(token);
    const denied = await get("/api/v1/people", bearer(token));
    expect(denied.statusCode).toBe(403);
    expect(denied.json().detail).toContain("people:read");
  });

  it("stop when revoked or expired, and say so", async () => {
    const brief = await create({ acts: ["audit:read"], expiresInS: 60 });
    const revoked = await create({ acts: ["audit:read"] });
    const url = `/api/v1/tokens/${revoked.id}`;
    const reply = await app.inject({ method: "DELETE", url, headers: bearer(adminToken) });
    expect(reply.statusCode).toBe(204);
    clock.now += 60_000;
    const says = async (token: string) => (await get("/api/v1/me", bearer(token))).json().detail;
    expect(await says(revoked.token)).toContain("was revoked");
    expect(await says(brief.token)).toContain("expired on 20");
    expect(await says("fla_foreign")).toContain("not known here");
    expect(await says("fld_cam-1.x")).toContain("device credential does not work");
    const basic = await get("/api/v1/me", { authorization: "Basic YTpi" });
    expect(basic.json().detail).toContain("Bearer");
    const missing = await app.inject({
      method: "DELETE",
      url: "/api/v1/tokens/nothing",
      headers: bearer(adminToken),
    });
    expect(missing.statusCode).toBe(404);
  });

  it("cannot grant more than they have", async () => {
    const { token } = await create({ acts: ["tokens:write", "people:write"] });
    const wider = { note: "more", acts: ["devices:remove"] };
    expect((await post("/api/v1/tokens", wider, bearer(token))).statusCode).toBe(403);
    const person = { email: "x@x.example", name: "X", role: "admin" };
    expect((await post("/api/v1/people", person, bearer(token))).statusCode).toBe(403);
    const scope = { sites: ["a"], groups: null };
    const local = await create({ acts: ["tokens:write", "tokens:read"], scope });
    const everywhere = { note: "all", acts: ["tokens:read"] };
    expect((await post("/api/v1/tokens", everywhere, bearer(local.token))).statusCode).toBe(403);
    const within = { note: "part", acts: ["tokens:read"], scope: { sites: ["a"], groups: ["g"] } };
    expect((await post("/api/v1/tokens", within, bearer(local.token))).statusCode).toBe(201);
    const seen = (await get("/api/v1/tokens", bearer(local.token))).json().items;
    expect(seen.map((item: { note: string }) => item.note).sort()).toEqual(["part", "robot"]);
  });
});

describe("people", () => {
  it("have one e-mail address each, whatever its case", async () => {
    await addPerson("dora@x.example", "viewer");
    const body = { email: "DORA@x.example", name: "D", role: "viewer" };
    const reply = await post("/api/v1/people", body, bearer(adminToken));
    expect(reply.statusCode).toBe(409);
    const { items } = (await get("/api/v1/people", bearer(adminToken))).json();
    expect(items.map((item: { email: string }) => item.email)).toContain("dora@x.example");
  });

  it("leave a trace of every act, which those who see a part see in part", async () => {
    await addPerson("limited@x.example", "viewer", { sites: ["a"], groups: null });
    const acts = (await listAudit(db, 5, undefined)).map((row) => row.act);
    expect(acts[0]).toBe("people:write");
    const limited = await signIn("limited@x.example");
    const { items } = (await get("/api/v1/audit", limited)).json();
    expect(items.map((item: { act: string }) => item.act)).toEqual(["login"]);
    const page = (await get("/api/v1/audit?limit=2", bearer(adminToken))).json();
    const next = (
      await get(`/api/v1/audit?limit=2&cursor=${page.next}`, bearer(adminToken))
    ).json();
    expect(Number(next.items[0].id)).toBeLessThan(Number(page.items[1].id));
    expect((await get("/api/v1/audit?cursor=x", bearer(adminToken))).statusCode).toBe(400);
  });
});
