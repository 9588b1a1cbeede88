import { createClient } from "@fieldloop/shared/contract/client";
import { logins, type Me, tokens } from "@fieldloop/shared/contract/people";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import type { Command } from "commander";
import { connect } from "../connect.ts";
import type { Context, Report } from "../context.ts";
import type { Io } from "../io.ts";
import {
  chooseLogin,
  forgetLogin,
  isPrivateChannel,
  type Login,
  readLogin,
  saveLogin,
  serverUrl,
} from "../login-file.ts";

const defaultUrl = "http://localhost:8080";
const tokenLifetimeS = 90 * 86_400;

export function addLoginCommands(program: Command, context: Context): void {
  program
    .command("login")
    .description("Remember a server and a credential for it")
    .argument("[url]", `address of the server; asked for where it is left out (${defaultUrl})`)
    .option("--email <email>", "who logs in; asked for where it is left out")
    .option("--token <token>", "use an API token, no password; `-` reads it from standard input")
    .action(async (url: string | undefined, options: { email?: string; token?: string }) =>
      context.show(await login(context.io, url, options)),
    );
  program
    .command("logout")
    .description("Forget the server, and end the login there")
    .action(async () => context.show(await logout(context.io)));
}

async function login(
  io: Io,
  url: string | undefined,
  options: { readonly email?: string; readonly token?: string },
): Promise<Report> {
  const typed = url ?? (io.env.FIELDLOOP_URL || (await io.ask(`Server [${defaultUrl}]: `)));
  const server = serverUrl(typed.trim() || defaultUrl);
  const { fresh, who } =
    options.token === undefined
      ? await logInWithPassword(io, server, options.email)
      : await logInWithToken({ url: server, token: await tokenFrom(io, options.token) });
  const path = saveLogin(io.env, fresh);
  return {
    data: { url: server, name: who.name, kind: who.kind, file: path },
    text: `Logged in to ${server} as ${who.name}. Remembered in ${path}.\n`,
  };
}

/** What a way of logging in comes to: a credential that works, and whose it is. */
interface LoggedIn {
  readonly fresh: Login;
  readonly who: Me;
}

async function logInWithToken(fresh: Login): Promise<LoggedIn> {
  return { fresh, who: await connect(fresh).client.call(logins.me, {}) };
}

async function tokenFrom(io: Io, given: string): Promise<string> {
  const token = given === "-" ? (await io.ask("API token: ", { hidden: true })).trim() : given;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new AppError({
    code: "bad-token",
    message: "that is no API token; `fieldloop tokens create` or the console makes one",
  });
}

/**
 * Trades e-mail and password for an API token of its own, which lasts longer and can be revoked by
 * name. Whoever may not create tokens keeps the login's cookie.
 */
async function logInWithPassword(io: Io, url: string, given?: string): Promise<LoggedIn> {
  if (!isPrivateChannel(url))
    throw new AppError({
      code: "not-private",
      message: `${url} is not encrypted and a password would be readable on the way; give the server TLS and use https, or log in with --token`,
    });
  const email = given ?? (await io.ask("E-mail: ")).trim();
  const password = await io.ask("Password: ", { hidden: true });
  const cookies: string[] = [];
  const client = createClient({
    baseUrl: url,
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set("origin", url);
      const response = await globalThis.fetch(input, { ...init, headers, redirect: "error" });
      cookies.push(...response.headers.getSetCookie());
      return response;
    },
  });
  const who = await client.call(logins.login, { body: { email, password } });
  const cookie = cookies.map((line) => line.split(";", 1)[0] ?? "").find((pair) => pair !== "");
  if (cookie === undefined)
    throw new AppError({
      code: "no-cookie",
      message: `${url} accepted the login and set no cookie`,
    });
  return { fresh: await tokenInsteadOf({ url, cookie }, who), who };
}

async function tokenInsteadOf(login: Login, who: Me): Promise<Login> {
  if (!who.acts.includes("tokens:write")) return login;
  const { client } = connect(login);
  const created = await client.call(tokens.create, {
    body: {
      note: `fieldloop login of ${who.name}`,
      acts: who.acts,
      scope: who.scope,
      expiresInS: tokenLifetimeS,
    },
  });
  await client.call(logins.logout, {});
  return { url: login.url, token: created.token, tokenId: created.id };
}

async function logout(io: Io): Promise<Report> {
  const login = readLogin(io.env);
  if (login === undefined) return { data: { url: null }, text: "There was no login to forget.\n" };
  const left = await endAtServer(login);
  forgetLogin(io.env);
  const note = left === undefined ? "" : `The server could not be told: ${left}\n`;
  const env = io.env.FIELDLOOP_TOKEN ? "FIELDLOOP_TOKEN is still set and still works.\n" : "";
  return {
    data: { url: login.url, ...(left === undefined ? {} : { warning: left }) },
    text: `Logged out of ${login.url}.\n${note}${env}`,
  };
}

/** Ends the credential where login made it; returns why that was not possible. */
async function endAtServer(login: Login): Promise<string | undefined> {
  const { client } = connect(chooseLogin({}, login));
  try {
    if (login.tokenId !== undefined)
      await client.call(tokens.revoke, { params: { id: login.tokenId } });
    else if (login.cookie !== undefined) await client.call(logins.logout, {});
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
