import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readConfig as readCloudConfig } from "@fieldloop/cloud/config";
import { readConfig as readAgentConfig } from "@fieldloop/edge/config";
import { describe, expect, it } from "vitest";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const read = (name: string) => readFileSync(here(name), "utf8");
const units = ["fieldloop-agent.service", "fieldloop-cloud.service"];
const settingsOf = (unit: string) =>
  read(unit)
    .split("\n")
    .filter((line) => /^[A-Z]\w*=/.test(line));
const analyser = existsSync("/usr/bin/systemd-analyze");
if (!analyser)
  console.info("skipping what systemd says of its units: systemd-analyze is not there");

describe.each(units)("%s", (unit) => {
  it("starts a program of this repository", () => {
    const [start = ""] = settingsOf(unit).filter((line) => line.startsWith("ExecStart="));
    const program = /\/opt\/fieldloop\/(\S+\.mjs)/.exec(start)?.[1] ?? "nothing";
    expect(existsSync(here(`../../${program}`))).toBe(true);
  });

  it("bounds memory before Node starts, and takes no privilege", () => {
    expect(settingsOf(unit)).toEqual(
      expect.arrayContaining([
        "Environment=MALLOC_ARENA_MAX=2",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "User=fieldloop",
      ]),
    );
  });

  it.skipIf(!analyser)("is what systemd accepts", () => {
    const text = execFileSync("systemd-analyze", ["security", "--offline=true", here(unit)], {
      encoding: "utf8",
    });
    expect(text).toMatch(/Overall exposure level for fieldloop-\w+\.service: [0-3]\.\d OK/);
  });
});

describe("the agent's unit", () => {
  it("waits for enrolment, leaves the watchdog off, and does not retry a wrong configuration", () => {
    expect(settingsOf("fieldloop-agent.service")).toEqual(
      expect.arrayContaining([
        "Type=notify",
        "NotifyAccess=all",
        "TimeoutStartSec=infinity",
        "WatchdogSec=0",
        "RestartPreventExitStatus=2",
        "StartLimitIntervalSec=0",
      ]),
    );
    expect(read("fieldloop-agent.service")).toMatch(/ExecStart=\S+node --max-semi-space-size=2 /);
  });
});

describe("the example settings", () => {
  it("of the agent are understood", () => {
    const config = readAgentConfig(read("agent.yaml"), {}, "agent.yaml");
    expect(config.cloud?.url).toBe("https://cloud.example:8080");
    expect(config.cameras).toHaveLength(1);
  });

  it("of the cloud are understood, those in comments too", () => {
    const lines = read("cloud.env").matchAll(/^(?:# )?([A-Z_]+)=(\S+)$/gm);
    const env = Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
    expect(Object.keys(env)).toHaveLength(5);
    expect(readCloudConfig([], env)).toMatchObject({
      host: "0.0.0.0",
      publicUrl: "https://cloud.example:8080",
      mqttPublicUrl: "mqtts://cloud.example:8883",
      databaseUrl: expect.stringContaining("postgres://"),
      adminToken: "at-least-16-characters",
    });
  });
});
