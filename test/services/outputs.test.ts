/** Local outputs against real ends: a broker, an HTTP server, programs. */
import { createHmac } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
} from "node:net";
import { join } from "node:path";
import { eventOfCamera, type LocalEvent } from "@fieldloop/edge/reporting/outputs/event";
import { Outputs } from "@fieldloop/edge/reporting/outputs/outputs";
import { outputsSettings } from "@fieldloop/edge/reporting/outputs/settings";
import { Aedes } from "aedes";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, freePort, scratchFolder } from "../support/processes.ts";

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let outputs: Outputs | undefined;
let changes: [string, string | null][] = [];
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  scratch = await scratchFolder();
  changes = [];
});
afterEach(async () => {
  await outputs?.stop();
  outputs = undefined;
  for (const close of closing.splice(0)) await close();
  await scratch.remove();
});

const on = { events: ["camera-state"] };
function open(settings: readonly object[], environment: Record<string, string> = {}): Outputs {
  outputs = new Outputs({
    settings: outputsSettings.parse(settings.map((one) => ({ on, deadlineMs: 3000, ...one }))),
    device: "pi-1",
    environment,
    now: Date.now,
    onChange: (...change) => changes.push(change),
  });
  outputs.start();
  return outputs;
}
const event = (label = "streaming", at = Date.now()): LocalEvent =>
  eventOfCamera("camera-state", "belt", label, label, at);
const statsOf = (name: string) => {
  const stats = outputs?.stats()[name];
  if (stats === undefined) throw new Error(`no output ${name}`);
  return stats;
};
const done = (name: string) =>
  eventually(
    `${name} is done`,
    async () => statsOf(name).offered > 0 && statsOf(name).underWay === 0,
  );

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
) {
  const server: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => answer(request, response, body));
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`; // listening on TCP
}

describe("a webhook", () => {
  it("gets the event once, signed, with its headers", async () => {
    const got: { headers: IncomingMessage["headers"]; body: string }[] = [];
    const url = await serve((request, response, body) => {
      got.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
    const secrets = { HOOK_KEY: "a-secret-key", HOOK_TOKEN: "a-token" };
    const headers = { authorization: { env: "HOOK_TOKEN" } };
    const webhook = { url, headers, secret: { env: "HOOK_KEY" } };
    open([{ name: "hook", kind: "webhook", webhook }], secrets).offer(event());
    await done("hook");
    expect(got).toHaveLength(1);
    const [{ headers: sent, body } = { headers: {}, body: "" }] = got;
    expect(JSON.parse(body)).toMatchObject({
      kind: "camera-state",
      camera: "belt",
      device: "pi-1",
    });
    expect(sent.authorization).toBe("a-token");
    const signature = createHmac("sha256", "a-secret-key").update(body).digest("hex");
    expect(sent["x-fieldloop-signature"]).toBe(`sha256=${signature}`);
    expect(statsOf("hook")).toMatchObject({ sent: 1, failed: {}, dropped: {} });
  });

  it("that hangs, refuses or is not there is told as such, and holds up nobody else", async () => {
    const hung = await serve(() => undefined);
    const refusing = await serve((_, response) => response.writeHead(503).end());
    const nobody = `http://user:pass-word@127.0.0.1:${await freePort()}/hook`;
    const file = join(scratch.path, "done");
    const hooks = Object.entries({ hung, refusing, nobody }).map(([name, url]) => ({
      name,
      kind: "webhook",
      webhook: { url },
      deadlineMs: 700,
    }));
    const run = ["/bin/sh", "-c", 'echo "$1" >> "$0"', file, "{label}"];
    const touch = { name: "touch", kind: "command", command: { run } };
    open([...hooks, touch]).offer(event("one"));
    await done("touch");
    expect(statsOf("hung").underWay).toBe(1);
    await Promise.all(["hung", "refusing", "nobody"].map(done));
    expect(statsOf("hung").failed).toEqual({ timeout: 1 });
    expect(statsOf("refusing").failed).toEqual({ refused: 1 });
    expect(statsOf("nobody").failed).toEqual({ unreachable: 1 });
    expect(readFileSync(file, "utf8")).toBe("one\n");
    expect(changes.map(([name]) => name).sort()).toEqual(["hung", "nobody", "refusing"]);
    expect(JSON.stringify([changes, outputs?.stats()])).not.toContain("pass-word");
  });
});

describe("a command", () => {
  it("gets the event as its input and its values as arguments, which a shell never sees", async () => {
    const file = join(scratch.path, "got");
    const script = join(scratch.path, "take.sh");
    writeFileSync(script, `printf '%s\\n' "$@" > ${file}; cat >> ${file}\n`);
    const run = ["/bin/sh", script, "{label}", "--camera={camera}"];
    open([{ name: "relay", kind: "command", command: { run } }]);
    outputs?.offer(event("-x; rm -rf /\n$(id)"));
    await done("relay");
    const [label, camera, json = ""] = readFileSync(file, "utf8").split("\n");
    expect([label, camera]).toEqual(["_x_ rm -rf ____id_", "--camera=belt"]);
    expect(JSON.parse(json)).toMatchObject({ label: "-x; rm -rf /\n$(id)", camera: "belt" });
  });

  it("that fails or hangs is ended with all that it started, and the next one runs", async () => {
    const file = join(scratch.path, "late");
    const hang = `(sleep 1.5; touch ${file}) & sleep 60`;
    const run = [
      "/bin/sh",
      "-c",
      `case "$0" in hang) ${hang};; fail) echo jammed >&2; exit 3;; esac`,
      "{label}",
    ];
    open([{ name: "relay", kind: "command", command: { run }, deadlineMs: 800 }]);
    const hungAt = Date.now();
    outputs?.offer(event("hang"));
    await done("relay");
    expect(statsOf("relay").lastError).toBe("/bin/sh was not done by the deadline and was ended");
    outputs?.offer(event("fail"));
    await done("relay");
    expect(statsOf("relay").lastError).toBe("/bin/sh ended with code 3: jammed");
    outputs?.offer(event("well"));
    await done("relay");
    expect(statsOf("relay")).toMatchObject({ sent: 1, failed: { timeout: 1, refused: 1 } });
    expect(changes.map(([, reason]) => reason === null)).toEqual([false, true]);
    // What the one that hung had started would write 1.5 s after its event.
    await eventually("that time has passed", async () => Date.now() > hungAt + 2000);
    expect(existsSync(file)).toBe(false);
  });

  it("is never run for what is late", async () => {
    const file = join(scratch.path, "done");
    const run = ["/bin/sh", "-c", 'echo "$1" >> "$0"', file, "{label}"];
    open([{ name: "relay", kind: "command", command: { run } }]);
    outputs?.offer(event("old", Date.now() - 5000));
    outputs?.offer(event("new"));
    await done("relay");
    expect(readFileSync(file, "utf8")).toBe("new\n");
    expect(statsOf("relay")).toMatchObject({ sent: 1, dropped: { late: 1 } });
  });

  it("that is not installed is told with its name", async () => {
    open([{ name: "relay", kind: "command", command: { run: ["no-such-program"] } }]).offer(
      event(),
    );
    await done("relay");
    expect(statsOf("relay")).toMatchObject({
      failed: { unreachable: 1 },
      lastError: "the program no-such-program is not installed",
    });
  });
});

describe("a broker in the local network", () => {
  const heard: { topic: string; text: string; retain: boolean }[] = [];

  async function broker(port = 0): Promise<{ port: number; close: () => Promise<void> }> {
    const aedes = await Aedes.createBroker();
    aedes.authenticate = (_client, username, password, allow) =>
      allow(
        null,
        username === undefined || (username === "me" && String(password) === "pass-word"),
      );
    aedes.on("publish", ({ topic, payload, retain }, client) => {
      if (client !== null) heard.push({ topic, text: String(payload), retain });
    });
    const server: TcpServer = createTcpServer(aedes.handle);
    await new Promise<void>((ready) => server.listen(port, "127.0.0.1", ready));
    const close = async () => {
      await new Promise<void>((closed) => aedes.close(closed));
      await new Promise((closed) => server.close(closed));
    };
    return { port: (server.address() as AddressInfo).port, close }; // listening on TCP
  }

  it("is told by topic and text, goes away and comes back, and hears nothing that is late", async () => {
    heard.splice(0);
    const first = await broker();
    const mqtt = {
      url: `mqtt://127.0.0.1:${first.port}`,
      topic: "line/{device}/{camera}/{label}",
      payload: "{kind} {label}",
      qos: 1,
      retain: true,
      username: "me",
      password: { env: "BROKER_PASSWORD" },
    };
    open([{ name: "lan", kind: "mqtt", mqtt, deadlineMs: 1500 }], { BROKER_PASSWORD: "pass-word" });
    const reaches = (label: string) =>
      eventually(`${label} is heard`, async () => {
        outputs?.offer(event(label));
        return heard.some(({ text }) => text === `camera-state ${label}`);
      });
    await reaches("one");
    expect(heard.at(-1)).toEqual({
      topic: "line/pi-1/belt/one",
      text: "camera-state one",
      retain: true,
    });
    await first.close();
    await eventually("it is noticed", async () => {
      outputs?.offer(event("lost"));
      return (statsOf("lan").failed.unreachable ?? 0) > 0;
    });
    await done("lan");
    const second = await broker(first.port);
    closing.push(second.close);
    await reaches("two");
    expect(heard.filter(({ text }) => text.includes("lost"))).toEqual([]);
    expect(changes.at(-1)).toEqual(["lan", null]);
    expect(JSON.stringify(outputs?.stats())).not.toContain("pass-word");
  });
});
