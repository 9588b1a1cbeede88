/** The one place that turns errors into HTTP answers (RFC 9457). */
import type { Problem } from "@fieldloop/shared/contract/endpoint";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyError, FastifyInstance } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";

const titles: Readonly<Record<number, string>> = {
  400: "The request does not fit",
  401: "Not signed in",
  403: "Not permitted",
  404: "Not found",
  409: "Conflict",
  412: "Changed meanwhile",
  413: "Too large",
  415: "Unknown media type",
  422: "Does not fit together",
  428: "If-Match is missing",
  429: "Too many requests",
  500: "Something broke here",
  503: "Not available now",
};

/** The problem document of an error. What lies behind a 5xx is hidden; the log has it. */
export function problemOf(error: unknown, requestId: string): Problem {
  const build = (status: number, code: string, detail: string, errors?: Problem["errors"]) => ({
    type: `urn:fieldloop:problem:${code}`,
    title: titles[status] ?? "Request failed",
    status,
    code,
    detail,
    requestId,
    ...(errors === undefined ? {} : { errors }),
  });
  if (error instanceof AppError && error.status < 500) {
    const errors = error.detail?.errors as Problem["errors"]; // set by AppErrors that list fields
    return build(error.status, error.code, error.message, errors);
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.map((issue) => ({
      path: issue.instancePath.replace(/^\//, "").replaceAll("/", "."),
      message: issue.message ?? "is not valid",
    }));
    const first = errors[0];
    const detail = first ? `${first.path || "the body"}: ${first.message}` : "does not validate";
    return build(400, "invalid", detail, errors);
  }
  const status = (error as Partial<FastifyError>)?.statusCode ?? 500; // Fastify's own errors carry it
  if (status < 500) return build(status, "request", (error as FastifyError).message); // same
  if (error instanceof AppError && error.status === 503)
    return build(503, error.code, error.message);
  return build(500, "internal", `something broke here; tell the operator request ${requestId}`);
}

/** Installs error and not-found handlers. */
export function useProblems(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    const body = problemOf(error, request.id);
    if (body.status >= 500) request.log.error({ err: error }, "request failed");
    return reply.code(body.status).type("application/problem+json").send(body);
  });
}
