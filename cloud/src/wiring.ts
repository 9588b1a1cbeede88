/** Puts the cloud together: every module, subscription and job appears here, one line each. */
import { join, resolve } from "node:path";
import { AppError } from "@fieldloop/shared/errors";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { buildApp } from "./app.ts";
import type { CloudConfig } from "./config.ts";
import { consoleRoutes } from "./console.ts";
import { takeFolder } from "./data-folder.ts";
import { claimTokenRoutes } from "./fleet/devices/claim-token-routes.ts";
import { deviceApiRoutes } from "./fleet/devices/device-api-routes.ts";
import type { Fleet } from "./fleet/devices/fleet.ts";
import { offerDeviceGauges } from "./fleet/devices/gauges.ts";
import { noteBrokerStarted } from "./fleet/devices/note.ts";
import { createPreviews } from "./fleet/devices/previews.ts";
import { verifyCredential } from "./fleet/devices/reads.ts";
import { deviceRoutes } from "./fleet/devices/routes.ts";
import { Ingest } from "./fleet/ingest/ingest.ts";
import { scheduleRetention } from "./fleet/ingest/partitions.ts";
import { createLiveFeed } from "./fleet/live/feed.ts";
import { createDeviceNews, type DeviceNews } from "./fleet/live/publish.ts";
import { liveRoutes } from "./fleet/live/routes.ts";
import { metricsRoutes } from "./fleet/metrics/routes.ts";
import { scheduleSampleExpiry } from "./fleet/samples/expire.ts";
import { createSampleFiles } from "./fleet/samples/files.ts";
import { sampleRoutes } from "./fleet/samples/routes.ts";
import { defaultSampleBounds } from "./fleet/samples/samples.ts";
import { benchmarkRoutes } from "./models/benchmarks/routes.ts";
import { Compilations } from "./models/compilations/compilations.ts";
import { compilationRoutes } from "./models/compilations/routes.ts";
import { distributionRoutes } from "./models/distribution/routes.ts";
import { modelRoutes } from "./models/registry/routes.ts";
import { createTrialRunner } from "./models/registry/run-trial.ts";
import { authenticateRequest } from "./platform/auth/authenticate.ts";
import { createLoginLink, ensureFirstAdmin } from "./platform/auth/login.ts";
import { loginRoutes } from "./platform/auth/login-routes.ts";
import { peopleRoutes } from "./platform/auth/people-routes.ts";
import { createFileBlobs } from "./platform/blobs.ts";
import { AedesBroker } from "./platform/broker/aedes.ts";
import type { Broker } from "./platform/broker/broker.ts";
import { ExternalBroker } from "./platform/broker/external.ts";
import type { Platform } from "./platform/context.ts";
import { openDb } from "./platform/db.ts";
import { healthRoutes } from "./platform/health.ts";
import { createIdempotency } from "./platform/idempotency.ts";
import { auditRoutes } from "./platform/ledger/routes.ts";
import { createLiveHub } from "./platform/live.ts";
import { gauge } from "./platform/metrics.ts";
import { migrate } from "./platform/migrate.ts";
import { startPostgres } from "./platform/postgres.ts";
import { installationId } from "./platform/store.ts";
import { ModelHost } from "./serving/infer/model-host.ts";
import { inferRoutes } from "./serving/infer/routes.ts";

export interface RunningCloud {
  readonly httpUrl: string;
  readonly mqttUrl: string;
  readonly databaseUrl: string;
  /** Signs in once; on the first start, and on every start of the demo. */
  readonly loginLink: string | undefined;
  stop(): Promise<void>;
}

/** The database of a configuration: `DATABASE_URL`, or the embedded server, started or adopted. */
export async function openDatabase(config: CloudConfig, say: (sentence: string) => void) {
  if (config.databaseUrl !== undefined)
    return { url: config.databaseUrl, adopted: true, stop: async () => {} };
  return await startPostgres(join(resolve(config.dataDir), "postgres"), say);
}

/** Starts everything; when it fails midway, what has started is stopped again. */
export async function startCloud(config: CloudConfig, version: string): Promise<RunningCloud> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await start(config, version, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  config: CloudConfig,
  version: string,
  undo: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<RunningCloud> {
  const log = pino({ level: config.logLevel });
  undo.push(await takeFolder(resolve(config.dataDir)));
  const database = await openDatabase(config, (sentence) => log.info(sentence));
  undo.push(database.stop);
  await migrate(database.url);
  const { db, close } = openDb(database.url, (err) => log.warn({ err }, "database connection"));
  undo.push(close);

  const broker = brokerOf(config, await installationId(db), log);
  const installation = {
    id: await installationId(db),
    version,
    demo: config.demo,
    topicRoot: config.topicRoot,
    publicUrl: config.publicUrl ?? "", // known for certain once the port is open
    mqttUrl: "",
  };
  let news: DeviceNews | undefined;
  const platform: Platform = {
    db,
    now: Date.now,
    log,
    live: createLiveHub(),
    blobs: createFileBlobs(join(resolve(config.dataDir), "blobs")),
    idempotency: createIdempotency(db),
    send: (device, channel, message) => {
      broker.send(device, channel, message);
      if (channel === "desired") news?.changed(device); // watchers see the wish before the device does
    },
    installation,
  };
  news = createDeviceNews(platform);
  const ingest = new Ingest({ platform, news });
  const previews = createPreviews({ now: platform.now });
  const fleet = { platform, news, previews, disconnect: (id: string) => broker.disconnect(id) };
  const app = await appOf(fleet, config, broker, undo);
  showNumbers(broker, ingest);
  offerDeviceGauges(platform);

  const endRetention = await scheduleRetention(platform);
  undo.push(async () => endRetention());
  undo.push(async () => news?.stop());
  undo.push(async () => previews.stop());
  undo.push(() => ingest.stop());
  if (config.mqttUrl === undefined) await noteBrokerStarted(db, platform.now()); // nobody is connected yet
  await broker.start({
    onMessage: (message) => ingest.accept(message),
    onRefused: (refusal) => void ingest.acceptRefusal(refusal),
    authenticate: async (device, password) => {
      const known = await verifyCredential(db, password);
      return known?.id === device ? known.role : undefined;
    },
  });
  undo.push(() => broker.stop());

  const httpUrl = await listen(app, config);
  installation.publicUrl = config.publicUrl ?? httpUrl;
  installation.mqttUrl = mqttUrlOf(config, broker);
  log.info({ httpUrl, mqttUrl: installation.mqttUrl }, "fieldloop serves");
  const { mqttUrl } = installation;
  const loginLink = await firstLink(platform);
  return { httpUrl, mqttUrl, databaseUrl: database.url, loginLink, stop };
}

function brokerOf(config: CloudConfig, installation: string, log: Platform["log"]): Broker {
  const root = config.topicRoot;
  return config.mqttUrl === undefined
    ? new AedesBroker({ host: config.host, port: config.mqttPort, root, log })
    : new ExternalBroker({ url: config.mqttUrl, installationId: installation, root, log });
}

async function appOf(
  fleet: Fleet,
  config: CloudConfig,
  broker: Broker,
  undo: (() => Promise<unknown>)[],
): Promise<FastifyInstance> {
  const { platform } = fleet;
  const feed = createLiveFeed(platform.live);
  const trial = createTrialRunner(); // one for both, so that models are tried out one after another
  const folder = join(resolve(config.dataDir), "compiling");
  const host = new ModelHost();
  undo.push(() => host.close());
  const compilations = new Compilations({ platform, trial, folder });
  const receiving = {
    platform,
    files: createSampleFiles(join(resolve(config.dataDir), "samples")),
    bounds: { ...defaultSampleBounds, bytesMax: config.samplesBytesMax },
  };
  const authenticate = authenticateRequest(platform, {
    adminToken: config.adminToken,
    verifyDevice: (credential) => verifyCredential(platform.db, credential),
  });
  const needs = [
    { name: "database", check: async () => void (await installationId(platform.db)) },
    { name: "broker", check: () => brokerUp(broker) },
  ];
  const app = await buildApp({
    platform,
    authenticate,
    modules: [
      (instance) => healthRoutes(instance, platform, needs),
      loginRoutes,
      peopleRoutes,
      auditRoutes,
      claimTokenRoutes,
      (instance) => deviceRoutes(instance, fleet),
      (instance) => deviceApiRoutes(instance, fleet),
      (instance) => sampleRoutes(instance, receiving),
      metricsRoutes,
      (instance) => modelRoutes(instance, platform, { trial }),
      (instance) => compilationRoutes(instance, platform, { trial, compilations }),
      benchmarkRoutes,
      distributionRoutes,
      (instance) => inferRoutes(instance, platform, host),
      (instance) => liveRoutes(instance, platform, { feed, authenticate }),
      consoleRoutes,
    ],
  });
  undo.push(() => app.close());
  undo.push(async () => feed.stop());
  const endExpiry = await scheduleSampleExpiry(receiving);
  undo.push(async () => endExpiry());
  await compilations.start();
  undo.push(() => compilations.stop());
  return app;
}

function brokerUp(broker: Broker): void {
  if (!broker.stats().up)
    throw new AppError({
      code: "broker-down",
      status: 503,
      message: "no connection to the broker",
    });
}

/** What broker and ingest count, for `/metrics`. */
function showNumbers(broker: Broker, ingest: Ingest): void {
  const sources = { broker: () => broker.stats(), ingest: () => ingest.stats() };
  for (const [name, stats] of Object.entries(sources))
    gauge({
      name: `fieldloop_${name}`,
      help: `What the ${name} counts since its start, and how much it holds now`,
      labels: ["what"],
      collect: (metric) => {
        for (const [what, value] of Object.entries(stats()))
          if (value !== null) metric.set({ what }, Number(value));
      },
    });
}

async function listen(app: FastifyInstance, config: CloudConfig): Promise<string> {
  try {
    await app.listen({ host: config.host, port: config.httpPort });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code; // node: errors carry a code
    if (code !== "EADDRINUSE" && code !== "EACCES") throw error;
    const why = code === "EADDRINUSE" ? "is taken" : "needs more rights";
    throw new AppError({
      code: "port",
      message: `port ${config.httpPort} ${why}; set FIELDLOOP_HTTP_PORT (--http-port) to another one`,
      cause: error,
    });
  }
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : config.httpPort;
  return `http://${hostOf(config)}:${port}`;
}

/** A host that can be put into a URL: whoever listens everywhere is reached on this machine. */
function hostOf(config: CloudConfig): string {
  return ["0.0.0.0", "::"].includes(config.host) ? "127.0.0.1" : config.host;
}

function mqttUrlOf(config: CloudConfig, broker: Broker): string {
  if (config.mqttPublicUrl !== undefined) return config.mqttPublicUrl;
  if (config.mqttUrl !== undefined) return withoutLogin(config.mqttUrl);
  const port = broker instanceof AedesBroker ? broker.port : config.mqttPort;
  const host = config.publicUrl ? new URL(config.publicUrl).hostname : hostOf(config);
  return `mqtt://${host}:${port}`;
}

/** Devices have credentials of their own: the cloud's must not travel to them. */
function withoutLogin(url: string): string {
  const clean = new URL(url);
  clean.username = "";
  clean.password = "";
  return clean.href;
}

async function firstLink(platform: Platform): Promise<string | undefined> {
  const first = await ensureFirstAdmin(platform);
  if (first.kind === "created") return first.loginLink;
  return platform.installation.demo ? await createLoginLink(platform) : undefined;
}
