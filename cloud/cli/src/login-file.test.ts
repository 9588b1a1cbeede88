import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@fieldloop/test/support/folder";
import { describe, expect, it } from "vitest";
import {
  chooseLogin,
  forgetLogin,
  isPrivateChannel,
  loginPath,
  readLogin,
  saveLogin,
  serverUrl,
} from "./login-file.ts";

const file = { url: "https://a.example", token: "secret" };
const freshEnv = () => ({ XDG_CONFIG_HOME: temporaryFolder() });

describe("login file", () => {
  it("is kept where only its owner can read it, and forgotten again", () => {
    const env = freshEnv();
    expect(readLogin(env)).toBeUndefined();
    const path = saveLogin(env, file);
    expect(path).toBe(join(env.XDG_CONFIG_HOME, "fieldloop", "config.json"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readLogin(env)).toEqual(file);
    forgetLogin(env);
    expect(readLogin(env)).toBeUndefined();
  });

  it("says which file cannot be understood", () => {
    const env = freshEnv();
    const path = saveLogin(env, file);
    writeFileSync(path, "{}");
    expect(() => readLogin(env)).toThrow(`${path} cannot be understood`);
  });

  it("falls back to the home folder", () => {
    expect(loginPath({ HOME: "/home/ada" })).toBe("/home/ada/.config/fieldloop/config.json");
  });
});

describe("choice of a server", () => {
  it("takes the environment before the file", () => {
    const env = { FIELDLOOP_URL: "http://localhost:9", FIELDLOOP_TOKEN: "t" };
    expect(chooseLogin(env, file)).toEqual({ url: "http://localhost:9", token: "t" });
    expect(chooseLogin({ FIELDLOOP_TOKEN: "t" }, file)).toEqual({ url: file.url, token: "t" });
    expect(chooseLogin({ FIELDLOOP_URL: "https://a.example/" }, file)).toEqual(file);
  });

  it("never sends a remembered credential to another server", () => {
    expect(() => chooseLogin({ FIELDLOOP_URL: "https://b.example" }, file)).toThrow(
      "not logged in to https://b.example",
    );
  });

  it("says what to do where no server is known", () => {
    expect(() => chooseLogin({}, undefined)).toThrow("fieldloop login URL");
  });

  it("reads addresses as people type them", () => {
    expect(serverUrl("localhost:8080")).toBe("http://localhost:8080");
    expect(serverUrl("https://a.example/console/")).toBe("https://a.example");
    expect(() => serverUrl("a b")).toThrow("not the address of a server");
  });

  it("knows where a password would be readable on the way", () => {
    const open = [
      "http://10.0.0.5:8080",
      "http://127.0.0.1.evil.example",
      "http://fieldloop.example",
    ];
    const closed = [
      "https://x.example",
      "http://localhost:8080",
      "http://127.0.0.1",
      "http://[::1]:1",
    ];
    expect(open.map(isPrivateChannel)).toEqual([false, false, false]);
    expect(closed.map(isPrivateChannel)).toEqual([true, true, true, true]);
  });
});
