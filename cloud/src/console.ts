import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyInstance } from "fastify";

const folder = fileURLToPath(new URL("../console/dist/", import.meta.url));
/** Files a browser or a probe asks for; a version such as 1.0.0 at the end of a path is a page. */
const isFile = /\.(js|css|map|ico|png|svg|txt|json|xml|php)$/i;
const noncePlaceholder = "__CSP_NONCE__";

/**
 * Serves the built console: hashed assets for ever, `index.html` fresh with its own nonce, and
 * `index.html` for every other path that is not the API's, so that links into the console work.
 */
export async function consoleRoutes(app: FastifyInstance): Promise<void> {
  const index = join(folder, "index.html");
  if (!existsSync(index)) return;
  const page = await readFile(index, "utf8");
  await app.register(fastifyStatic, {
    root: join(folder, "assets"),
    prefix: "/assets/",
    preCompressed: true,
    immutable: true,
    maxAge: "365d",
    decorateReply: false,
  });
  app.route({
    method: ["GET", "HEAD"],
    url: "/*",
    schema: { hide: true } as object, // `hide` belongs to @fastify/swagger
    handler: async (request, reply) => {
      const path = request.url.split("?")[0] ?? "";
      if (/^\/(api|docs|assets)(\/|$)/.test(path) || isFile.test(path)) throw notThere(path);
      const nonce = randomBytes(16).toString("base64");
      return reply
        .header("content-security-policy", policy(nonce))
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "same-origin")
        .header("cache-control", "no-cache")
        .type("text/html; charset=utf-8")
        .send(page.replaceAll(noncePlaceholder, nonce));
    },
  });
}

function policy(nonce: string): string {
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "style-src-attr 'unsafe-inline'", // positions of virtual rows and charts are set on elements
    "img-src 'self' data: blob:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join("; ");
}

function notThere(path: string): AppError {
  return new AppError({
    code: "not-found",
    status: 404,
    message: `there is nothing at ${path}; /docs lists the interface`,
  });
}
