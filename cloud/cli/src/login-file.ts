/**
 * Where the command line remembers a server: `$XDG_CONFIG_HOME/fieldloop/config.json`, readable by
 * its owner alone. `FIELDLOOP_URL` and `FIELDLOOP_TOKEN` win over it.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { AppError } from "@fieldloop/shared/errors";
import * as z from "zod/mini";

const loginSchema = z.strictObject({
  url: z.url(),
  token: z.optional(z.string().check(z.minLength(1))),
  /** Id of the token, where logging in made it; logging out revokes it. */
  tokenId: z.optional(z.string()),
  /** `name=value`, for people who may not create tokens. */
  cookie: z.optional(z.string().check(z.minLength(1))),
});
export type Login = z.infer<typeof loginSchema>;

type Env = Readonly<Record<string, string | undefined>>;

/** Path of the file. */
export function loginPath(env: Env): string {
  const base = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config");
  return join(base, "fieldloop", "config.json");
}

/** The remembered login; `undefined` where there is none. Throws `AppError` for an unreadable file. */
export function readLogin(env: Env): Login | undefined {
  const path = loginPath(env);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  const parsed = loginSchema.safeParse(jsonOrUndefined(text));
  if (parsed.success) return parsed.data;
  throw new AppError({
    code: "login-file",
    message: `${path} cannot be understood; delete it and run \`fieldloop login\``,
  });
}

/** Remembers a login; the file is replaced in one step and only its owner can read it. */
export function saveLogin(env: Env, login: Login): string {
  const path = loginPath(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${process.pid}`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  renameSync(fresh, path);
  return path;
}

/** Forgets the login. */
export function forgetLogin(env: Env): void {
  rmSync(loginPath(env), { force: true });
}

/**
 * Which server to talk to and with what credential. A remembered credential is only ever sent to
 * the server it was made for. Throws `AppError` where something is missing.
 */
export function chooseLogin(env: Env, file: Login | undefined): Login {
  const url = env.FIELDLOOP_URL ? serverUrl(env.FIELDLOOP_URL) : file?.url;
  if (url === undefined)
    throw new AppError({
      code: "no-server",
      message:
        "no server is known; run `fieldloop login URL`, or set FIELDLOOP_URL and FIELDLOOP_TOKEN",
      status: 401,
    });
  if (env.FIELDLOOP_TOKEN) return { url, token: env.FIELDLOOP_TOKEN };
  if (file && file.url === url) return file;
  throw new AppError({
    code: "no-login",
    message: `not logged in to ${url}; run \`fieldloop login ${url}\`, or set FIELDLOOP_TOKEN`,
    status: 401,
  });
}

/** Origin of a server as typed by a person, without a trailing slash. */
export function serverUrl(text: string): string {
  const full = /^https?:\/\//i.test(text) ? text : `http://${text}`;
  if (/\s/.test(text) || !URL.canParse(full))
    throw new AppError({
      code: "bad-url",
      message: `\`${text}\` is not the address of a server; write it like https://fieldloop.example.com`,
    });
  return new URL(full).origin;
}

/** Whether what is sent to this address stays on this machine or travels encrypted. */
export function isPrivateChannel(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return (
    protocol === "https:" || /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  );
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // reported by the schema, as everything else that does not fit
  }
}
