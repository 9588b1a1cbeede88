/** The client of an external broker, against the broker in this process; test/services has Mosquitto. */
import { createServer } from "node:net";
import type { AppError } from "@fieldloop/shared/errors";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AedesBroker } from "./aedes.ts";
import { ExternalBroker } from "./external.ts";

const log = pino({ level: "silent" });
const ignore = { onMessage: () => {}, onRefused: () => {}, authenticate: async () => undefined };
// A strict broker: it lets this one user in, and refuses what a device may not subscribe to.
const strict = new AedesBroker({ host: "127.0.0.1", port: 0, root: "fl", log });
const user = "fieldloop-1";

beforeAll(() =>
  strict.start({
    ...ignore,
    authenticate: async (_id, password) => (password === "right" ? "camera" : undefined),
  }),
);
afterAll(() => strict.stop());

function external(password: string, port = strict.port): ExternalBroker {
  return new ExternalBroker({
    url: `mqtt://${user}:${password}@127.0.0.1:${port}`,
    installationId: "1",
    root: "fl",
    log,
    limits: { delayMsMin: 5, delayMsMax: 20 },
  });
}

describe("external broker", () => {
  it("is not started with where it refuses the cloud's subscription, which is said", async () => {
    const start = external("right").start(ignore);
    await expect(start).rejects.toThrow(/refuses the subscription fl\/v1\/d\/\+\/up\/#; allow/);
  });

  it("is not started with where it refuses the login, without telling the password", async () => {
    const error = await external("wrong")
      .start(ignore)
      .then(
        () => undefined,
        (thrown: AppError) => thrown,
      );
    expect(error?.code).toBe("mqtt-refused");
    expect(error?.message).toContain("put the right user and password into MQTT_URL");
    expect(error?.message).not.toContain("wrong");
  });

  it("may be away at the start: what is sent is lost and counted", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const broker = external("right", port);
    await broker.start(ignore);
    broker.send("cam-1", "ack", { v: 1 });
    expect(broker.stats()).toMatchObject({ up: false, undelivered: 1, connected: null });
    await broker.stop();
  });
});
