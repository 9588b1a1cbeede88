import { type Connection, connect } from "./connect.ts";
import type { Io } from "./io.ts";
import { chooseLogin, readLogin } from "./login-file.ts";
import type { TableLook } from "./table.ts";

/** What a command found or did: data for programs, text for people. */
export interface Report {
  readonly data: unknown;
  readonly text: string;
}

/** What commands share. */
export interface Context {
  readonly io: Io;
  readonly look: TableLook;
  /** Whether `--json` was given; read when a command runs. */
  json(): boolean;
  /** The server chosen by environment or login; throws `AppError` where there is none. */
  connection(): Connection;
  /** Prints a report as text, or as JSON under `--json`. */
  show(report: Report): void;
}

/** Builds the context of one run. */
export function createContext(io: Io, json: () => boolean): Context {
  return {
    io,
    look: { bold: io.outIsTty && !io.env.NO_COLOR && io.env.TERM !== "dumb" },
    json,
    connection: () => connect(chooseLogin(io.env, readLogin(io.env))),
    show: ({ data, text }) => io.out(json() ? `${JSON.stringify(data ?? null, null, 2)}\n` : text),
  };
}
