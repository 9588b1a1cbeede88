import { AppError, messageOf } from "@fieldloop/shared/errors";
import { CommanderError } from "commander";
import * as z from "zod/mini";

/** Wrong use of the command line itself: exit code 2. */
export class UsageError extends Error {}

export const exitCodes = { failure: 1, usage: 2 } as const;

/** A failure as shown: what is wrong, what does not fit in detail, and what to do about it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly problems: readonly { readonly path: string; readonly message: string }[];
  readonly hint: string | undefined;
  readonly requestId: string | undefined;
  readonly exitCode: number;
}

const detailSchema = z.object({
  requestId: z.optional(z.string()),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
});

/** What the command line was working with, for advice. */
export interface Circumstances {
  /** The server, where one is known. */
  readonly url: string | undefined;
  /** Whether the credential came from FIELDLOOP_TOKEN. */
  readonly tokenFromEnv: boolean;
}

/** Describes anything that was thrown. */
export function describeFailure(error: unknown, circumstances: Circumstances): Failure {
  if (error instanceof UsageError || error instanceof CommanderError)
    return shown("usage", error.message, { exitCode: exitCodes.usage });
  if (!(error instanceof AppError)) return shown("unexpected", messageOf(error), {});
  const detail = detailSchema.safeParse(error.detail ?? {});
  return shown(error.code, error.message, {
    hint: hintFor(error, circumstances),
    ...(detail.success
      ? { problems: detail.data.errors ?? [], requestId: detail.data.requestId }
      : {}),
  });
}

/** The lines a person reads. The request id matters only where the server itself failed. */
export function failureText(failure: Failure): string {
  const lines = [`error: ${failure.message}`];
  // A single problem is often the sentence itself.
  for (const { path, message } of failure.problems.filter(
    (problem) => !failure.message.includes(problem.message),
  ))
    lines.push(path === "" ? `  - ${message}` : `  - ${path}: ${message}`);
  if (failure.hint !== undefined) lines.push(failure.hint);
  if (failure.requestId !== undefined) lines.push(`(request ${failure.requestId})`);
  return `${lines.join("\n")}\n`;
}

function shown(code: string, message: string, more: Partial<Failure>): Failure {
  return {
    code,
    message,
    problems: [],
    hint: undefined,
    exitCode: exitCodes.failure,
    ...more,
    requestId: code === "internal" || code === "unexpected" ? more.requestId : undefined,
  };
}

/** Refusals whose sentence says already what to do. */
const speaksForItself = new Set(["no-login", "no-server", "wrong-login", "link-used"]);

function hintFor(error: AppError, { url, tokenFromEnv }: Circumstances): string | undefined {
  if (error.code === "unreachable")
    return "Is the server running there? `fieldloop login URL` or FIELDLOOP_URL names another one.";
  if (error.status === 401 && !speaksForItself.has(error.code))
    return tokenFromEnv
      ? "The token came from FIELDLOOP_TOKEN: put a valid one there, or unset it and log in."
      : `Log in again with \`fieldloop login ${url ?? "URL"}\`.`;
  if (error.status === 412) return "It has changed in the meantime: look at it, then try again.";
  if (error.status === 429) return "Wait a moment, then try again.";
  return undefined;
}
