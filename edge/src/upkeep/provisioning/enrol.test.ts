import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestCloud } from "../../../test/cloud.ts";
import { type Files, realFiles } from "../../platform/files.ts";
import { enrol } from "./enrol.ts";

let cloud: TestCloud;
let folder: string;

beforeEach(async () => {
  cloud = await new TestCloud().start();
  folder = mkdtempSync(join(tmpdir(), "enrol-"));
});
afterEach(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true, force: true });
});

const path = () => join(folder, "data", "identity.json");
const attempt = (
  over: { claimToken?: string | undefined; files?: Files; cloudUrl?: string } = {},
) =>
  enrol({
    files: realFiles,
    identityPath: path(),
    cloudUrl: cloud.url,
    claimToken: cloud.claimToken,
    name: "cam-1",
    role: "camera",
    profile: "linux-x64",
    idempotencyKey: "k",
    ...over,
  });

test("a claim token becomes an identity that only its owner can read", async () => {
  const { kind, identity } = await attempt();
  expect(kind).toBe("enrolled");
  expect(identity).toEqual({
    v: 1,
    deviceId: "cam-1",
    credential: cloud.credential,
    cloudUrl: cloud.url,
    mqttUrl: cloud.mqttUrl,
    topicRoot: "fl",
    role: "camera",
  });
  expect(statSync(path()).mode & 0o777).toBe(0o600);
});

test("a device that has an identity never asks again, whatever token it is given", async () => {
  await attempt();
  expect((await attempt({ claimToken: undefined })).kind).toBe("already");
  expect((await attempt({ claimToken: "another" })).kind).toBe("already");
  expect(cloud.enrolled).toBe(1);
});

test("a foreign token is refused with the cloud's sentence, and nothing is written", async () => {
  await expect(attempt({ claimToken: "foreign" })).rejects.toMatchObject({
    message: "this claim token is not known",
    status: 401,
    retryable: false,
  });
  expect(existsSync(path())).toBe(false);
});

test("a missing token names the setting", async () => {
  await expect(attempt({ claimToken: undefined })).rejects.toThrow("set FIELDLOOP_CLAIM_TOKEN");
});

test("a cloud that cannot be reached may be tried again", async () => {
  await expect(attempt({ cloudUrl: "http://127.0.0.1:1" })).rejects.toMatchObject({
    code: "cloud-unreachable",
    retryable: true,
  });
});

test("a server that is no fieldloop cloud is told apart", async () => {
  await expect(attempt({ cloudUrl: `${cloud.url}/other` })).rejects.toMatchObject({ status: 401 });
});

test("a damaged identity is not enrolled over", async () => {
  await attempt();
  writeFileSync(path(), readFileSync(path(), "utf8").slice(0, 40));
  await expect(attempt()).rejects.toThrow("does not hold an identity");
  expect(cloud.enrolled).toBe(1);
});
