/**
 * A failure that a caller or a person can act on. `code` is stable and meant for programs, `message`
 * is one clear sentence for people: it names the thing, what is allowed and what to do.
 */
export class AppError extends Error {
  readonly code: string;
  /** Whether the same call may succeed later without anything being changed. */
  readonly retryable: boolean;
  /** HTTP status the failure maps to where it reaches a client. */
  readonly status: number;
  /** Further facts for the client, such as the list of fields that do not fit. */
  readonly detail: Readonly<Record<string, unknown>> | undefined;

  constructor(options: {
    readonly code: string;
    readonly message: string;
    readonly status?: number;
    readonly retryable?: boolean;
    readonly detail?: Readonly<Record<string, unknown>>;
    readonly cause?: unknown;
  }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = options.code;
    this.retryable = options.retryable ?? false;
    this.status = options.status ?? 400;
    this.detail = options.detail;
  }
}

/** States what must hold for the program to be right; a violation is a bug, never a user's mistake. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** The sentence to show for anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
