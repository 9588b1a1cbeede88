import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchmarks } from "@fieldloop/shared/contract/benchmarks";
import { claimTokens, devices } from "@fieldloop/shared/contract/devices";
import { models } from "@fieldloop/shared/contract/models";
import { logins, people, tokens } from "@fieldloop/shared/contract/people";
import { samples } from "@fieldloop/shared/contract/samples";
import { AppError } from "@fieldloop/shared/errors";
import { temporaryFolder } from "@fieldloop/test/support/folder";
import { reportedState } from "@fieldloop/test/support/reported";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import {
  type ContractServer,
  type Route,
  route,
  startContractServer,
} from "../../../test/support/contract-server.ts";
import type { Io } from "./io.ts";
import { readLogin } from "./login-file.ts";
import { run } from "./program.ts";

const nowMs = 1_800_000_000_000;
const settings = { results: "sampled", sampleShare: 0.01, windowMs: 60_000 } as const;
const everywhere = { sites: null, groups: null };
const person = {
  kind: "person" as const,
  name: "Ada",
  role: "admin" as const,
  acts: ["devices:read" as const, "tokens:write" as const],
  scope: everywhere,
  installation: { id: "i-1", version: "9.9.9", demo: true },
};
const camera = {
  id: "cam-1",
  role: "camera" as const,
  profile: "generic",
  site: "north",
  group: null,
  follows: "egg",
  status: "online" as const,
  lastSeen: nowMs - 3000,
  enrolledAt: nowMs - 60_000,
  agentVersion: "0.1.0",
  model: "egg@1.0.0",
  desiredModel: "egg@1.0.1",
  update: {
    model: "egg@1.0.1",
    phase: "downloading",
    reason: null,
    bytesDone: 1,
    bytesTotal: 2,
    at: nowMs,
  },
  world: null,
  latest: {
    at: nowMs,
    fps: 2,
    p50Ms: 10,
    p95Ms: 20.25,
    confidence: 0.987,
    dropped: 0,
    errors: 0,
  },
};
const detail = {
  ...camera,
  reported: null,
  desired: {
    v: 1 as const,
    version: 3,
    model: null,
    settings,
    scene: {},
    preview: null,
    commissions: {},
  },
  ingest: { epoch: 1, upTo: 40, gaps: 0, quarantined: 0 },
};

let server: ContractServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});
beforeAll(() => {
  z.config(z.locales.en());
});

interface Tried {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly asked: readonly string[];
}

/** Runs one command line against a server with these routes; answers are given to its questions. */
async function tryOut(
  args: readonly string[],
  routes: readonly Route[] = [],
  world: { answers?: string[]; env?: Record<string, string>; tty?: boolean } = {},
): Promise<Tried> {
  server ??= await startContractServer(routes);
  let out = "";
  let err = "";
  const asked: string[] = [];
  const answers = [...(world.answers ?? [])];
  const io: Io = {
    env: {
      XDG_CONFIG_HOME: temporaryFolder(),
      FIELDLOOP_URL: server.url,
      FIELDLOOP_TOKEN: "secret",
      ...world.env,
    },
    inIsTty: world.tty === true,
    outIsTty: world.tty === true,
    errIsTty: world.tty === true,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    ask: async (question) => {
      asked.push(question);
      return answers.shift() ?? "";
    },
    now: () => nowMs,
  };
  return { code: await run(args, io), out, err, asked };
}

const noLogin = { FIELDLOOP_URL: "", FIELDLOOP_TOKEN: "" };

describe("devices", () => {
  it("lists every page as an aligned table", async () => {
    const list = route(devices.list, ({ query }) =>
      query.cursor === "2"
        ? { items: [{ ...camera, id: "cam-22", latest: null }], next: null, total: 2 }
        : { items: [camera], next: "2", total: 2 },
    );
    const { code, out } = await tryOut(["devices", "ls", "--q", "north"], [list]);
    expect(code).toBe(0);
    expect(out).toBe(
      [
        "ID      STATUS  SITE   GROUP  MODEL                                 FPS  P95 MS  CONFIDENCE  LAST SEEN",
        "cam-1   online  north  -      egg@1.0.0 -> egg@1.0.1 (downloading)  2.0    20.3        0.99  3 s ago",
        "cam-22  online  north  -      egg@1.0.0 -> egg@1.0.1 (downloading)    -       -           -  3 s ago",
        "",
      ].join("\n"),
    );
    expect(server?.seen.map(({ query }) => query.q)).toEqual(["north", "north"]);
    expect(server?.seen[0]?.headers.authorization).toBe("Bearer secret");
  });

  it("prints only JSON on standard output under --json", async () => {
    const list = route(devices.list, () => ({ items: [camera], next: null, total: 1 }));
    const { out, err } = await tryOut(["devices", "ls", "--json"], [list]);
    expect(JSON.parse(out)).toEqual({ items: [camera], total: 1 });
    expect(err).toBe("");
  });

  it("shows one device with the facts it has", async () => {
    const { out } = await tryOut(["devices", "show", "cam-1"], [route(devices.get, () => detail)]);
    expect(out).toContain("status    online, last seen 3 s ago\n");
    expect(out).toContain("update    egg@1.0.1 downloading, 1 B of 2 B (now)\n");
    expect(out).not.toContain("quarantined");
  });

  it("asks for a new reference of a camera", async () => {
    const commission = route(devices.commission, () => ({ requestedAt: nowMs }));
    const { code, out } = await tryOut(["devices", "commission", "cam-1", "belt"], [commission]);
    expect([code, out]).toEqual([
      0,
      "cam-1 was asked; its camera belt takes thirty pictures over half a minute.\n",
    ]);
  });

  it("shows how a device asks the cloud, and changes only what is named", async () => {
    const none = { frames: 0, offloaded: 0, compared: 0, agreed: 0 };
    const routing = {
      mode: "sync",
      cloudModel: "teacher",
      breaker: "closed",
      frames: 100,
      offloaded: 17,
      local: { easy: 80, breaker: 3 },
      offload: { unsure: 17 },
      calls: { answered: 15, late: 2 },
      compared: 17,
      agreed: 4,
      bytesSent: 180_000,
      bytesReceived: 9000,
      callMs: { p50: 7.2, p95: 11 },
      bins: [
        { ...none, frames: 83 },
        { frames: 17, offloaded: 17, compared: 17, agreed: 4 },
      ],
    };
    const settings = { ...detail.desired.settings, routing: { mode: "async", exploreShare: 0 } };
    const desired = { ...detail.desired, settings };
    const reported = reportedState({ at: nowMs, routing });
    const asking = { ...detail, desired, reported };
    const routes = [
      route(devices.get, () => asking, { etag: '"7"' }),
      route(devices.update, () => asking),
    ];
    const args = ["devices", "hybrid", "cam-1", "--mode", "sync", "--threshold", "0.3"];
    const { code, out } = await tryOut(args, routes);
    expect(code).toBe(0);
    expect(server?.seen[1]?.body).toEqual({
      settings: {
        routing: {
          mode: "sync",
          exploreShare: 0,
          hardness: { score: "max-probability", threshold: 0.3 },
        },
      },
    });
    expect(out).toContain("asked about     17 of 100 (17.0 %)\n");
    expect(out).toContain("stayed because  easy 80, breaker 3\n");
    expect(out).toContain("0.50-1.00      17     17    24 %\n");
    const wrong = await tryOut(["devices", "hybrid", "cam-1", "--mode", "psychic"]);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("edge-only, sync, async")]);
  });

  it("sets what may leave a device, and keeps what it was not asked to change", async () => {
    const samples = { hardnessMin: 0.4, upload: { bytesPerDayMax: 5 } };
    const desired = { ...detail.desired, settings: { ...detail.desired.settings, samples } };
    const routes = [
      route(devices.get, () => ({ ...detail, desired }), { etag: '"7"' }),
      route(devices.update, () => ({ ...detail, desired })),
    ];
    const args = ["devices", "samples", "cam-1", "--upload", "on", "--ring-hours", "2"];
    const { code, out } = await tryOut(args, routes);
    expect(code).toBe(0);
    expect(server?.seen[1]?.body).toEqual({
      settings: {
        samples: {
          hardnessMin: 0.4,
          upload: { bytesPerDayMax: 5, allowed: true },
          ring: { hours: 2 },
        },
      },
    });
    expect(out).toContain("keeps         frames of a hardness of 0.4 on\n");
    expect(out).toContain("may leave it  no; --upload on allows it\n");
  });

  it("lists samples with what both models said", async () => {
    const opinion = { model: "m@1.0.0", label: "clean", confidence: 0.51, detections: null };
    const item = {
      digest: "a".repeat(64),
      device: "cam-1",
      receivedAt: nowMs,
      camera: "belt",
      frame: "f",
      capturedAt: nowMs - 60_000,
      reasons: ["disagreement" as const],
      share: 1,
      hardness: 0.8,
      local: opinion,
      cloud: { ...opinion, label: "cracked", confidence: 0.97 },
      blurred: false,
      width: 10,
      height: 10,
      bytes: 5000,
    };
    const page = { items: [item], next: null, total: 1 };
    const { out } = await tryOut(
      ["samples", "ls", "--reason", "disagreement"],
      [route(samples.list, () => page)],
    );
    expect(out).toContain("disagreement  clean 0.51   cracked 0.97");
  });

  it("says how samples come where there are none", async () => {
    const none = await tryOut(
      ["samples", "ls"],
      [route(samples.list, () => ({ items: [], next: null, total: 0 }))],
    );
    expect(none.out).toContain("`fieldloop devices samples DEVICE --upload on`");
  });

  it("says of a device that asks nobody what its settings are", async () => {
    const { out } = await tryOut(
      ["devices", "hybrid", "cam-1"],
      [route(devices.get, () => detail)],
    );
    expect(out).toMatch(/^cam-1 asks nobody about its frames\. Neither its settings nor/);
  });

  it("removes a device as it was last read, once the person agrees", async () => {
    const routes = [
      route(devices.get, () => detail, { etag: '"7"' }),
      route(devices.remove, () => undefined),
    ];
    const { code, asked } = await tryOut(["devices", "rm", "cam-1"], routes, {
      tty: true,
      answers: ["y"],
    });
    expect(code).toBe(0);
    expect(asked).toEqual([
      "Remove cam-1 at north (online)? Its credential stops working at once. [y/N] ",
    ]);
    expect(server?.seen[1]?.headers["if-match"]).toBe('"7"');
    expect(server?.seen[1]?.headers["idempotency-key"]).toBeTruthy();
  });

  it("removes nothing without a yes", async () => {
    const routes = [route(devices.get, () => detail)];
    const declined = await tryOut(["devices", "rm", "cam-1"], routes, { tty: true, answers: [""] });
    expect([declined.code, declined.err]).toEqual([1, "error: cam-1 was not removed\n"]);
    const piped = await tryOut(["devices", "rm", "cam-1"]);
    expect([piped.code, piped.err]).toEqual([2, "error: removing cam-1 needs a yes: add --yes\n"]);
  });

  it("shows a claim token's secret and the command for the device", async () => {
    const create = route(claimTokens.create, ({ body }) => ({
      ...(body as { note: string; site: string; group: null; usesMax: number }),
      id: "ct-1",
      createdAt: nowMs,
      expiresAt: nowMs + 604_800_000,
      uses: 0,
      revoked: false,
      token: "claim-secret",
    }));
    const args = ["devices", "enrol-token", "create", "--site", "north", "--uses", "6"];
    const { out } = await tryOut([...args, "--expires", "7d"], [create]);
    expect(server?.seen[0]?.body).toEqual({
      note: "",
      site: "north",
      group: null,
      usesMax: 6,
      expiresInS: 604_800,
    });
    expect(out).toContain("for 6 devices, expires in 7 d");
    expect(out).toContain(
      `FIELDLOOP_URL=${server?.url} FIELDLOOP_CLAIM_TOKEN=claim-secret fieldloop-agent enrol --config agent.yaml\n`,
    );
  });
});

describe("measurements on devices", () => {
  const waiting = {
    id: "b-1",
    name: "egg",
    version: "1.0.1",
    device: "cam-1",
    profile: "rpi-5",
    state: "waiting" as const,
    pairs: 200,
    error: null,
    figures: null,
    requestedAt: nowMs,
    requestedBy: "Ada",
    finishedAt: null,
  };
  const latency = {
    pairs: 200,
    referenceMs: { p50: 30.5, p95: 33 },
    subjectMs: { p50: 15.25, p95: 18 },
    ratioMedian: 2,
    ratioLower90: 1.9,
  };
  const figures = {
    processor: "Raspberry Pi 5",
    features: ["asimd"],
    threads: 2,
    rssBytes: 90_000_000,
    temperatureC: 61.5,
    variants: [{ kind: "int8-reduced" as const, provider: "cpu", latency }],
    passedOver: [{ kind: "int8" as const, reason: "this board lacks dot-product" }],
  };
  const done = { ...waiting, state: "done" as const, figures, finishedAt: nowMs };
  const command = ["models", "bench", "egg@1.0.1", "--device", "cam-1"];

  it("are asked for and waited for", async () => {
    const routes = [
      route(benchmarks.start, () => waiting),
      route(benchmarks.list, () => ({ items: [{ ...waiting, id: "b-2" }, done] })),
    ];
    const { code, out, err } = await tryOut(command, routes);
    expect(code).toBe(0);
    expect(server?.seen[0]?.body).toEqual({ device: "cam-1", pairs: 200 });
    expect(err).toBe(
      "cam-1 measures egg 1.0.1 when it is on line. To look: fieldloop models benchmarks egg@1.0.1\n",
    );
    expect(out).toBe(
      "egg 1.0.1 on cam-1 (rpi-5)\n" +
        "FILE               P50       P95  REFERENCE P50  TIMES AS FAST  AT LEAST  PAIRS  PROVIDER\n" +
        "int8-reduced  15.25 ms  18.00 ms       30.50 ms           2.00      1.90    200  cpu\n" +
        "Raspberry Pi 5; asimd; 2 threads, 90.0 MB resident, 61.5 °C\n" +
        "int8 was not measured: this board lacks dot-product\n",
    );
  });

  it("that failed say why, and those that are gone say so", async () => {
    const failed = { ...waiting, state: "failed" as const, error: "no room", finishedAt: nowMs };
    const start = route(benchmarks.start, () => waiting);
    const first = await tryOut(command, [
      start,
      route(benchmarks.list, () => ({ items: [failed] })),
    ]);
    expect(first.code).toBe(1);
    expect(first.err).toContain("error: cam-1 did not measure egg 1.0.1: no room\n");
    await server?.stop();
    server = undefined;
    const second = await tryOut(command, [start, route(benchmarks.list, () => ({ items: [] }))]);
    expect(second.err).toContain("error: the measurement on cam-1 is gone");
  });

  it("are listed by profile, one line a file", async () => {
    const other = { ...waiting, profile: "orin", device: "cam-2" };
    const routes = [route(benchmarks.list, () => ({ items: [done, other] }))];
    const { out } = await tryOut(["models", "benchmarks", "egg@1.0.1"], routes);
    expect(out).toBe(
      [
        "PROFILE  DEVICE  FILE               P50       P95  TIMES AS FAST  WHEN  STATE",
        "orin     cam-2   -                    -         -              -  now   waiting",
        "rpi-5    cam-1   int8-reduced  15.25 ms  18.00 ms           2.00  now   done",
        "",
      ].join("\n"),
    );
  });

  it("where there are none the list says how to get one", async () => {
    const routes = [route(benchmarks.list, () => ({ items: [] }))];
    const { out } = await tryOut(["models", "benchmarks", "egg@1.0.1"], routes);
    expect(out).toContain("`fieldloop models bench egg@1.0.1 --device NAME` has one do it.");
    const { code, err } = await tryOut(["models", "benchmarks", "egg"], routes);
    expect(code).toBe(2);
    expect(err).toContain("Write name@version, for example egg-grader@1.0.0.");
  });
});

describe("models", () => {
  const version = {
    name: "egg",
    version: "1.0.1",
    manifest: "a".repeat(64),
    createdAt: nowMs,
    createdBy: "Ada",
    task: "classification",
    licence: "Apache-2.0",
    bytes: 2_700_000,
    aliases: [],
    running: 0,
    desired: 0,
    warnings: ["no golden images were given"],
    document: {
      schema: "fieldloop.model/1" as const,
      name: "egg",
      version: "1.0.1",
      task: "classification" as const,
      licence: null,
      description: "",
      labels: ["clean"],
      output: { kind: "classification" as const, scores: "s", activation: "softmax" as const },
      confidenceMin: 0.5,
      variants: [
        {
          kind: "float32" as const,
          digest: "b".repeat(64),
          bytes: 5,
          input: {
            name: "x",
            layout: "NCHW" as const,
            type: "float32" as const,
            width: 8,
            height: 8,
            fit: "stretch" as const,
            colour: "rgb" as const,
            mean: [0, 0, 0] as [number, number, number],
            std: [1, 1, 1] as [number, number, number],
          },
          requires: [],
          goldens: [],
          temperature: 1,
        },
      ],
    },
  };
  const sha = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

  function modelFolder() {
    const folder = temporaryFolder();
    const model = Buffer.alloc(300_000, 7);
    const image = Buffer.from("image");
    writeFileSync(join(folder, "egg.onnx"), model);
    writeFileSync(join(folder, "clean.jpg"), image);
    const manifest = join(folder, "model.yaml");
    writeFileSync(manifest, "name: egg\nversion: 1.0.1\ngolden: [clean.jpg]\n");
    return {
      model,
      image,
      args: ["models", "push", join(folder, "egg.onnx"), "--manifest", manifest],
    };
  }

  function storage(stored: Set<string>): Route[] {
    return [
      route(models.hasBlob, ({ params }) => {
        if (stored.has(params.digest ?? "")) return { digest: params.digest ?? "", bytes: 1 };
        throw new AppError({ code: "not-found", message: "no such blob", status: 404 });
      }),
      route(models.uploadBlob, ({ params, bytes }) => {
        stored.add(sha(bytes));
        return { digest: params.digest ?? "", bytes: bytes.length };
      }),
    ];
  }

  it("uploads what the server lacks, registers, and passes its warnings on", async () => {
    const { model, image, args } = modelFolder();
    const stored = new Set([sha(image)]);
    const routes = [...storage(stored), route(models.register, () => version)];
    const { code, out, err } = await tryOut(args, routes);
    expect([code, err]).toEqual([0, ""]);
    const uploads = server?.seen.filter(({ endpoint }) => endpoint === models.uploadBlob) ?? [];
    expect(uploads.map(({ params }) => params.digest)).toEqual([sha(model)]);
    expect(uploads[0]?.headers["content-length"]).toBe("300000");
    expect(uploads[0]?.headers["content-type"]).toBe("application/octet-stream");
    expect(sha(uploads[0]?.bytes ?? Buffer.alloc(0))).toBe(sha(model));
    expect(server?.seen.at(-1)?.body).toEqual({
      spec: { name: "egg", version: "1.0.1" },
      model: sha(model),
      variants: [],
      goldens: [sha(image)],
    });
    expect(out).toBe(
      "Registered egg 1.0.1 (classification, 2.70 MB, Apache-2.0).\n" +
        "warning: no golden images were given\n" +
        "To send it to devices: fieldloop models promote egg 1.0.1\n",
    );
  });

  it("draws progress on a terminal's standard error", async () => {
    const routes = [...storage(new Set()), route(models.register, () => version)];
    const { err } = await tryOut(modelFolder().args, routes, { tty: true });
    expect(err).toContain("egg.onnx  [########################] 100 %  300 kB of 300 kB");
  });

  it("prints the server's list of what does not fit", async () => {
    const register = route(models.register, () => {
      throw new AppError({
        code: "model-refused",
        message: "egg 1.0.1 does not fit its file",
        status: 422,
        detail: {
          errors: [{ path: "input.width", message: "the graph says 160, the manifest 224" }],
        },
      });
    });
    const { args } = modelFolder();
    const { code, err } = await tryOut(args, [...storage(new Set()), register]);
    expect(code).toBe(1);
    expect(err).toBe(
      `error: egg 1.0.1 does not fit its file (${args.at(-1)})\n` +
        "  - input.width: the graph says 160, the manifest 224\n",
    );
  });

  /** What `models compile` leaves behind, with files that nobody can run. */
  function compiledFolder() {
    const folder = temporaryFolder();
    const [int8, float] = [Buffer.alloc(1000, 1), Buffer.alloc(4000, 2)];
    const image = Buffer.from("image");
    const { input } = version.document.variants[0]!;
    const listed = (kind: "int8" | "float32", bytes: Buffer, requires: string[]) => ({
      kind,
      digest: sha(bytes),
      bytes: bytes.length,
      input,
      requires,
      goldens: [],
      temperature: 1.2,
    });
    const variants = [listed("int8", int8, ["int8-dot"]), listed("float32", float, [])];
    writeFileSync(join(folder, "int8.onnx"), int8);
    writeFileSync(join(folder, "float32.onnx"), float);
    writeFileSync(join(folder, "clean.jpg"), image);
    writeFileSync(join(folder, "model.yaml"), "name: egg\nversion: 1.0.1\ngolden: [clean.jpg]\n");
    writeFileSync(join(folder, "manifest.json"), JSON.stringify({ ...version.document, variants }));
    return { folder, int8, float, image, variants };
  }

  it("pushes a compiled folder with all its files, the float one to compare with", async () => {
    const { folder, int8, float, image, variants } = compiledFolder();
    const document = { ...version.document, variants };
    const routes = [
      ...storage(new Set()),
      route(models.register, () => ({ ...version, document })),
    ];
    const { code, out, err } = await tryOut(["models", "push", folder], routes, { tty: true });
    expect(code).toBe(0);
    const uploads = server?.seen.filter(({ endpoint }) => endpoint === models.uploadBlob) ?? [];
    expect(uploads.map(({ params }) => params.digest)).toEqual([int8, float, image].map(sha));
    expect(server?.seen.at(-1)?.body).toEqual({
      spec: { name: "egg", version: "1.0.1" },
      model: sha(float),
      variants: variants.map(({ kind, digest, input, temperature, requires }) => ({
        kind,
        model: digest,
        input,
        temperature,
        requires,
      })),
      goldens: [sha(image)],
    });
    expect(err).toContain("int8.onnx  [########################] 100 %");
    expect(err).toContain("float32.onnx  [########################] 100 %");
    expect(out).toMatch(
      /^Registered egg 1\.0\.1 \(classification, .*: int8, float32, Apache-2\.0\)/,
    );
  });

  it("sends nothing of a compiled folder that was changed or is none", async () => {
    const { folder } = compiledFolder();
    writeFileSync(join(folder, "int8.onnx"), "other bytes");
    const changed = await tryOut(["models", "push", folder], []);
    expect(changed.err).toMatch(/ has no file with the digest .{12} of its int8 variant: /);
    writeFileSync(join(folder, "manifest.json"), "{}");
    const broken = await tryOut(["models", "push", folder], []);
    expect(broken.err).toMatch(/ has a manifest\.json that is none: /);
    const empty = await tryOut(["models", "push", temporaryFolder()], []);
    expect(empty.err).toMatch(/^error: the folder .* has no manifest\.json; give a folder that /);
    expect([changed.code, broken.code, empty.code, server?.seen]).toEqual([1, 1, 1, []]);
  });

  it("asks for the manifest of a single file", async () => {
    const [models = "", push = "", file = ""] = modelFolder().args;
    const { code, err } = await tryOut([models, push, file], []);
    expect(code).toBe(2);
    expect(err).toContain("required option '--manifest <model.yaml>' not specified");
  });

  it("sends nothing where a golden image is missing", async () => {
    const { args } = modelFolder();
    writeFileSync(args.at(-1) ?? "", "name: egg\nversion: 1.0.1\ngolden: [gone.jpg]\n");
    const { code, err } = await tryOut(args, []);
    expect([code, server?.seen]).toEqual([1, []]);
    expect(err).toMatch(/^error: the golden image .*gone\.jpg does not exist\n$/);
  });

  it("shows the server's sentence when it refuses an upload", async () => {
    const refuse = route(models.uploadBlob, () => {
      throw new AppError({ code: "disk-full", message: "the blob store is full", status: 507 });
    });
    const { code, err } = await tryOut(modelFolder().args, [refuse]);
    expect([code, err]).toEqual([1, "error: the blob store is full\n"]);
  });

  it("promotes to production unless told otherwise", async () => {
    const promote = route(models.promote, ({ params }) => ({
      alias: params.alias ?? "",
      version: "1.0.1",
      changedAt: nowMs,
      changedBy: "Ada",
      devices: 6,
    }));
    const { out } = await tryOut(["models", "promote", "egg", "1.0.1"], [promote]);
    expect(out).toBe("egg production is now 1.0.1; 6 devices will update.\n");
    const other = await tryOut(["models", "promote", "egg", "1.0.1", "--alias", "line-2"]);
    expect(other.out).toContain("egg line-2 is now 1.0.1");
  });

  it("lists versions, highest first", async () => {
    const items = [{ ...version, version: "1.0.0", aliases: ["production"] }, version];
    const { out } = await tryOut(
      ["models", "ls", "egg"],
      [route(models.versions, () => ({ items }))],
    );
    const first = out.split("\n").map((line) => line.split(" ", 1)[0]);
    expect(first).toEqual(["VERSION", "1.0.1", "1.0.0", ""]);
  });
});

describe("login", () => {
  const cookie = { "set-cookie": "fieldloop_i1=abc; HttpOnly; Path=/" };

  it("trades a password for a token that logging out revokes", async () => {
    const created = {
      id: "t-1",
      note: "n",
      acts: person.acts,
      scope: everywhere,
      createdAt: nowMs,
      expiresAt: null,
      lastUsedAt: null,
      revoked: false,
      token: "made-token",
    };
    const routes = [
      route(logins.login, () => person, cookie),
      route(tokens.create, () => created),
      route(logins.logout, () => undefined),
      route(logins.me, () => person),
      route(tokens.revoke, () => undefined),
    ];
    server = await startContractServer(routes);
    const home = temporaryFolder();
    const env = { ...noLogin, XDG_CONFIG_HOME: home };
    const args = ["login", server.url, "--email", "ada@example.com"];
    const { code, out, asked } = await tryOut(args, [], { env, answers: ["a long password"] });
    expect([code, asked]).toEqual([0, ["Password: "]]);
    expect(out).toContain("as Ada");
    expect(readLogin(env)).toEqual({ url: server.url, token: "made-token", tokenId: "t-1" });
    expect(server.seen[1]?.headers.cookie).toBe("fieldloop_i1=abc");
    expect(server.seen[1]?.body).toMatchObject({ acts: person.acts, expiresInS: 7_776_000 });

    const left = await tryOut(["logout"], [], { env });
    expect(left.out).toBe(`Logged out of ${server.url}.\n`);
    expect(server.seen.at(-1)?.params).toEqual({ id: "t-1" });
    expect(readLogin(env)).toBeUndefined();
  });

  it("keeps the cookie of whoever may not create tokens", async () => {
    const viewer = { ...person, acts: ["devices:read" as const] };
    const routes = [
      route(logins.login, () => viewer, cookie),
      route(logins.me, () => viewer),
      route(devices.list, () => ({ items: [], next: null, total: 0 })),
    ];
    server = await startContractServer(routes);
    const env = { ...noLogin, XDG_CONFIG_HOME: temporaryFolder() };
    await tryOut(["login"], [], { env, answers: [server.url, "ada@example.com", "a password"] });
    expect(readLogin(env)).toEqual({ url: server.url, cookie: "fieldloop_i1=abc" });
    const { code } = await tryOut(["devices", "ls"], [], { env });
    expect(code).toBe(0);
    expect(server.seen.at(-1)?.headers.cookie).toBe("fieldloop_i1=abc");
    expect(server.seen.at(-1)?.headers.authorization).toBeUndefined();
  });

  it("remembers a token once the server knows it", async () => {
    const routes = [route(logins.me, () => ({ ...person, kind: "token" as const, name: "ci" }))];
    server = await startContractServer(routes);
    const env = { ...noLogin, XDG_CONFIG_HOME: temporaryFolder() };
    await tryOut(["login", server.url, "--token", "-"], [], { env, answers: ["api-token"] });
    expect(readLogin(env)).toEqual({ url: server.url, token: "api-token" });
  });

  it("remembers nothing when the server refuses", async () => {
    const refuse = route(logins.me, () => {
      throw new AppError({ code: "unauthorised", message: "this token is not valid", status: 401 });
    });
    server = await startContractServer([refuse]);
    const env = { ...noLogin, XDG_CONFIG_HOME: temporaryFolder() };
    const { code, err } = await tryOut(["login", server.url, "--token", "x"], [], { env });
    expect([code, readLogin(env)]).toEqual([1, undefined]);
    expect(err).toContain("error: this token is not valid\n");
  });

  it("sends no password over an open channel", async () => {
    const { code, err, asked } = await tryOut(["login", "http://fieldloop.example"]);
    expect([code, asked]).toEqual([1, []]);
    expect(err).toContain("use https");
  });
});

describe("people and tokens", () => {
  it("adds a person and prints their login link", async () => {
    const create = route(people.create, ({ body }) => ({
      ...(body as { email: string; name: string; role: "viewer"; scope: typeof everywhere }),
      id: "p-1",
      createdAt: nowMs,
      loginLink: "https://a.example/login#code",
    }));
    const args = ["users", "add", "bo@example.com", "--role", "viewer", "--site", "a,b"];
    const { out } = await tryOut(args, [create]);
    expect(server?.seen[0]?.body).toMatchObject({
      name: "bo",
      scope: { sites: ["a", "b"], groups: null },
    });
    expect(out).toContain("  https://a.example/login#code\n");
  });

  it("suggests the act that was meant", async () => {
    const { code, err } = await tryOut(["tokens", "create", "ci", "--act", "models:psuh"]);
    expect(code).toBe(2);
    expect(err).toContain("`models:psuh` is not an act; did you mean models:push?");
  });
});

describe("every command", () => {
  it("says what to do where no server is known", async () => {
    const { code, err, out } = await tryOut(["devices", "ls"], [], { env: noLogin });
    expect([code, out]).toEqual([1, ""]);
    expect(err).toBe(
      "error: no server is known; run `fieldloop login URL`, or set FIELDLOOP_URL and FIELDLOOP_TOKEN\n",
    );
  });

  it("says what to do where the server does not answer", async () => {
    const { url, stop } = await startContractServer([]);
    await stop();
    const { code, err } = await tryOut(["devices", "ls"], [], { env: { FIELDLOOP_URL: url } });
    expect(code).toBe(1);
    expect(err).toMatch(/^error: cannot reach http:\/\/127.*ECONNREFUSED.*\nIs the server running/);
  });

  it("says where a refused token came from", async () => {
    const refuse = route(devices.list, () => {
      throw new AppError({ code: "unknown-token", message: "not known here", status: 401 });
    });
    const { err } = await tryOut(["devices", "ls"], [refuse]);
    expect(err).toBe(
      "error: not known here\nThe token came from FIELDLOOP_TOKEN: put a valid one there, or unset it and log in.\n",
    );
  });

  it("does not repeat a problem that is the sentence itself", async () => {
    const refuse = route(devices.list, () => {
      throw new AppError({
        code: "x",
        message: "q is too long: use 200",
        detail: { errors: [{ path: "q", message: "too long: use 200" }] },
      });
    });
    const { err } = await tryOut(["devices", "ls"], [refuse]);
    expect(err).toBe("error: q is too long: use 200\n");
  });

  it("keeps standard output clean of errors and gives them as JSON under --json", async () => {
    const { out, err } = await tryOut(["--json", "devices", "show", "cam-9"]);
    expect(out).toBe("");
    expect(JSON.parse(err)).toMatchObject({ error: { code: "not-found" } });
  });

  it("suggests the nearest command and counts as wrong use", async () => {
    const top = await tryOut(["devcies", "ls"]);
    expect([top.code, top.out]).toEqual([2, ""]);
    expect(top.err).toContain("(Did you mean devices?)");
    const nested = await tryOut(["models", "pus"]);
    expect([nested.code, nested.err.includes("(Did you mean push?)")]).toEqual([2, true]);
  });

  it("explains itself", async () => {
    const { code, out } = await tryOut(["help", "devices"]);
    expect(code).toBe(0);
    for (const word of ["ls", "show", "rm", "enrol-token", "--json"]) expect(out).toContain(word);
    expect((await tryOut(["--help"])).out).toContain("FIELDLOOP_TOKEN");
  });

  it("says its version, and the server's where one is known", async () => {
    const { out } = await tryOut(["version"], [route(logins.me, () => person)]);
    expect(out).toMatch(/^fieldloop \d+\.\d+\.\d+\nserver 9\.9\.9 at http/);
    const alone = await tryOut(["version"], [], { env: noLogin });
    expect(alone.out).toMatch(/^fieldloop \d+\.\d+\.\d+\n$/);
  });

  it("reaches the demo's cameras", async () => {
    const scene = route(devices.setScene, () => ({ changed: ["cam-1"] }));
    const { out } = await tryOut(
      ["demo", "world", "brown-eggs", "--devices", "cam-1,cam-2"],
      [scene],
    );
    expect(server?.seen[0]?.body).toEqual({ world: "brown-eggs", devices: ["cam-1", "cam-2"] });
    expect(out).toBe("1 camera sees brown-eggs from now on: cam-1.\n");
  });
});
