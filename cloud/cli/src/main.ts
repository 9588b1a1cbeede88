import * as z from "zod/mini";
import { processIo } from "./io.ts";
import { run } from "./program.ts";

z.config(z.locales.en());

// A reader that has seen enough (`fieldloop devices ls | head`) closes the pipe: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await run(process.argv.slice(2), processIo());
