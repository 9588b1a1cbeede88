import { describe, expect, it } from "vitest";
import { readConfig } from "./config.ts";

describe("cloud configuration", () => {
  it("has defaults for everything", () => {
    expect(readConfig([], {})).toMatchObject({ httpPort: 8080, mqttPort: 1883, host: "127.0.0.1" });
  });

  it("prefers a flag to the environment", () => {
    const config = readConfig(["--http-port", "9000"], { FIELDLOOP_HTTP_PORT: "8000" });
    expect(config.httpPort).toBe(9000);
  });

  it("names the setting and the bad value", () => {
    expect(() => readConfig([], { FIELDLOOP_HTTP_PORT: "99999" })).toThrow(
      /FIELDLOOP_HTTP_PORT \(--http-port\) is "99999": use a whole number from 0 to 65535/,
    );
  });

  it("refuses an unknown flag and lists what is allowed", () => {
    expect(() => readConfig(["--htp-port", "1"], {})).toThrow(/--htp-port.*allowed are --host/);
  });

  it("treats an empty variable as absent", () => {
    expect(readConfig([], { DATABASE_URL: "" }).databaseUrl).toBeUndefined();
  });
});
