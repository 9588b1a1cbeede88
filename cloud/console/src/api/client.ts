import { createClient } from "@fieldloop/shared/contract/client";
import { AppError } from "@fieldloop/shared/errors";
import { QueryCache, QueryClient } from "@tanstack/react-query";

/** The one client of the contract: the page's own origin, signed in by cookie. */
export const client = createClient({ baseUrl: "" });

const retriesMax = 2;
const staleTimeMs = 15_000;

/** What to do when the server says that nobody is signed in; set once the router exists. */
let onSignedOut: () => void = () => undefined;
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      if (query.queryKey[0] !== "me" && statusOf(error) === 401) onSignedOut();
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: staleTimeMs,
      refetchOnWindowFocus: true,
      retry: (failures, error) => failures < retriesMax && isRetryable(error),
      retryDelay: (attempt) => Math.min(4000, 500 * 2 ** attempt),
    },
    mutations: { retry: false },
  },
});

export function statusOf(error: unknown): number | undefined {
  return error instanceof AppError ? error.status : undefined;
}

function isRetryable(error: unknown): boolean {
  return error instanceof AppError ? error.retryable : false;
}

/** The id under which the server logged a failed request. */
export function requestIdOf(error: unknown): string | undefined {
  const id = error instanceof AppError ? error.detail?.requestId : undefined;
  return typeof id === "string" ? id : undefined;
}

export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

/** The fields that do not fit, as the server named them. */
export function problemsOf(error: unknown): readonly FieldProblem[] {
  const errors = error instanceof AppError ? error.detail?.errors : undefined;
  return Array.isArray(errors) ? errors.filter(isFieldProblem) : [];
}

function isFieldProblem(value: unknown): value is FieldProblem {
  return typeof value === "object" && value !== null && "path" in value && "message" in value;
}
