import { Command, CommanderError } from "commander";
import { addDemoCommands } from "./commands/demo.ts";
import { addDeviceCommands } from "./commands/devices.ts";
import { addLoginCommands } from "./commands/login.ts";
import { addModelCommands } from "./commands/models.ts";
import { addSampleCommands } from "./commands/samples.ts";
import { addTokenCommands } from "./commands/tokens.ts";
import { addUserCommands } from "./commands/users.ts";
import { addVersionCommand, cliVersion } from "./commands/version.ts";
import { type Context, createContext } from "./context.ts";
import { describeFailure, exitCodes, failureText } from "./failure.ts";
import type { Io } from "./io.ts";
import { readLogin } from "./login-file.ts";

/**
 * Runs one command line.
 * @param args what follows the program's name
 * @returns the exit code: 0 done, 1 failed, 2 used wrongly
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const program = new Command("fieldloop");
  const context = createContext(io, () => program.opts<{ json?: true }>().json === true);
  describe(program, context);
  try {
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage; // commander has said what is wrong
    const failure = describeFailure(error, {
      url: knownUrl(io),
      tokenFromEnv: Boolean(io.env.FIELDLOOP_TOKEN),
    });
    const { exitCode, ...rest } = failure;
    io.err(context.json() ? `${JSON.stringify({ error: rest })}\n` : failureText(failure));
    return exitCode;
  }
}

function describe(program: Command, context: Context): void {
  program
    .description("Look after a fleet of cameras and the models they run.")
    .option("--json", "print machine-readable JSON on standard output")
    .version(cliVersion(), "-V, --version", "print the version of this program")
    .helpCommand("help [command]", "explain a command")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => context.io.out(text),
      writeErr: (text) => context.io.err(text),
    })
    .showHelpAfterError("(add --help for what is possible)")
    .exitOverride()
    .addHelpText("after", epilogue);
  addLoginCommands(program, context);
  addVersionCommand(program, context);
  addDeviceCommands(program, context);
  addModelCommands(program, context);
  addSampleCommands(program, context);
  addUserCommands(program, context);
  addTokenCommands(program, context);
  addDemoCommands(program, context);
}

const epilogue = `
Environment:
  FIELDLOOP_URL    the server, for example https://fieldloop.example.com
  FIELDLOOP_TOKEN  an API token; both win over what \`fieldloop login\` has stored

Exit codes: 0 done, 1 failed, 2 used wrongly.`;

function knownUrl(io: Io): string | undefined {
  if (io.env.FIELDLOOP_URL) return io.env.FIELDLOOP_URL;
  try {
    return readLogin(io.env)?.url;
  } catch {
    return undefined; // only a hint would have named it; the failure itself is shown
  }
}
