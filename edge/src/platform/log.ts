/** The agent's log: JSON lines on standard error (the journal keeps them), standard output stays free. */
import { destination, type Logger, pino } from "pino";

export type Log = Logger;

export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** A log of the given level; a level below it costs next to nothing. */
export function openLog(level: LogLevel): Log {
  return pino(
    { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` },
    destination({ dest: 2, sync: true }),
  );
}

/** A log that says nothing, for tests and for commands that print their own result. */
export const silentLog: Log = pino({ level: "silent" });
