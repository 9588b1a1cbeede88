import fastifyCookie from "@fastify/cookie";
import fastifySwagger from "@fastify/swagger";
import fastifySwaggerUi from "@fastify/swagger-ui";
import { AppError } from "@fieldloop/shared/errors";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
} from "fastify";
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
} from "fastify-type-provider-zod";
import { anonymous, type Caller } from "./platform/caller.ts";
import type { Platform } from "./platform/context.ts";
import { useProblems } from "./platform/problem.ts";

/** JSON bodies; files are streamed and have their own limits. */
const bodyBytesMax = 1024 * 1024;

export interface AppOptions {
  readonly platform: Platform;
  /** Finds out who is asking; `undefined` where the request carries no credential at all. */
  readonly authenticate: (request: FastifyRequest) => Promise<Caller | undefined>;
  /** Adds the routes of one module each. */
  readonly modules: readonly ((app: FastifyInstance, platform: Platform) => void | Promise<void>)[];
}

/** Builds the HTTP server without listening; `ready` has been awaited. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { platform } = options;
  const logger: FastifyBaseLogger = platform.log;
  const app: FastifyInstance = Fastify({
    loggerInstance: logger,
    bodyLimit: bodyBytesMax,
    trustProxy: "loopback",
    logController: new LogController({ disableRequestLogging: true }), // metrics count requests
    forceCloseConnections: true, // live streams never end by themselves
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  useProblems(app);
  await app.register(fastifyCookie);
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "fieldloop", version: platform.installation.version },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
  });
  await app.register(fastifySwaggerUi, { routePrefix: "/docs" });
  app.addContentTypeParser(
    ["application/octet-stream", "image/jpeg", "image/png"],
    (_request, payload, done) => done(null, payload),
  );
  app.decorateRequest("caller");
  app.addHook("onRequest", async (request) => {
    request.caller = (await options.authenticate(request)) ?? anonymous;
  });
  app.get("/openapi.json", { schema: { hide: true } as object }, () => app.swagger());
  for (const add of options.modules) await add(app, platform);
  app.setNotFoundHandler((request) => {
    throw new AppError({
      code: "not-found",
      status: 404,
      message: `there is no ${request.method} ${request.url.split("?")[0]}; /docs lists what there is`,
    });
  });
  await app.ready();
  return app;
}
