import { parseArgs } from "node:util";
import { AppError, messageOf } from "@fieldloop/shared/errors";

/** What a visitor can choose for the demo fleet. */
export interface DemoOptions {
  /** Agents on synthetic cameras, each a process of its own. */
  readonly devices: number;
  /** Frames per second of every camera. */
  readonly fps: number;
  readonly dataDir: string;
}

const limits = { devices: { min: 1, max: 50 }, fps: { min: 0.1, max: 30 } } as const;

/** Reads `--devices` and `--fps`. Throws an `AppError` that names the flag and what is allowed. */
export function readOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): DemoOptions {
  const { values } = parse(argv);
  const devices = numberOf("devices", values.devices ?? "6");
  if (!Number.isInteger(devices)) throw refused("devices", String(values.devices));
  return {
    devices,
    fps: numberOf("fps", values.fps ?? "2"),
    dataDir: env.FIELDLOOP_DATA_DIR || ".fieldloop",
  };
}

function parse(argv: readonly string[]) {
  try {
    const options = { devices: { type: "string" }, fps: { type: "string" } } as const;
    return parseArgs({ args: [...argv], options, strict: true });
  } catch (error) {
    throw new AppError({
      code: "config",
      message: `${messageOf(error).split(". ")[0]}; allowed are --devices and --fps`,
      cause: error,
    });
  }
}

function numberOf(name: keyof typeof limits, text: string): number {
  const value = Number(text);
  const { min, max } = limits[name];
  if (!(value >= min && value <= max)) throw refused(name, text);
  return value;
}

function refused(name: keyof typeof limits, text: string): AppError {
  const { min, max } = limits[name];
  const kind = name === "devices" ? "a whole number" : "a number";
  return new AppError({
    code: "config",
    message: `--${name} is "${text}": it must be ${kind} from ${min} to ${max}`,
  });
}
