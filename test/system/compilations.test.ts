/** Models compiled on the server, asked for by the command line, with a real cloud that is also killed. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compilations } from "@fieldloop/shared/contract/compilations";
import { models } from "@fieldloop/shared/contract/models";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stringify } from "yaml";
import { fieldloop } from "../support/fleet.ts";
import {
  adminClient,
  type Cloud,
  eventually,
  freePort,
  repository,
  scratchFolder,
  startCloud,
} from "../support/processes.ts";
import { redOrBlue, redOrBluePicture, redOrBlueSpec } from "../support/red-or-blue.ts";

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let ports: { httpPort: number; mqttPort: number };
let cloud: Cloud;
const at = (...names: string[]): string => join(scratch.path, ...names);

beforeAll(async () => {
  scratch = await scratchFolder();
  ports = { httpPort: await freePort(), mqttPort: await freePort() };
  await mkdir(at("pictures"));
  const lines = ["file,label"];
  for (let i = 0; i < 80; i++) {
    const { name, label, jpeg } = await redOrBluePicture(i);
    await writeFile(at("pictures", name), jpeg);
    lines.push(`${name},${label}`);
  }
  await writeFile(at("labels.csv"), lines.join("\n"));
  await writeFile(at("model.onnx"), redOrBlue());
  await writeFile(at("broken.onnx"), redOrBlue(Number.NaN));
  await writeFile(at("model.yaml"), stringify(redOrBlueSpec));
  await writeFile(at("next.yaml"), stringify({ ...redOrBlueSpec, version: "1.0.1" }));
  cloud = await startCloud({ folder: scratch.path, ...ports });
});

afterAll(async () => {
  await cloud?.stop();
  await scratch?.remove();
});

const compile = (model: string, manifest: string, ...more: string[]) =>
  fieldloop(
    cloud.url,
    ...["models", "compile", model, "--manifest", manifest, "--calibration", at("pictures")],
    ...more,
  );

it("compiles, registers and tells what came of it, while the command waits", async () => {
  const text = await compile(at("model.onnx"), at("model.yaml"), "--labels", at("labels.csv"));
  expect(text).toMatch(/^red-or-blue 1\.0\.0: The /);
  expect(text).toContain("as given   2 kB, accuracy 100.0 % on 40 pictures");
  expect(text).toMatch(/^ {2}int8-reduced /m);
  expect(text).toContain("Registered. To send it to devices: fieldloop models promote");
  const params = { name: "red-or-blue", version: "1.0.0" };
  const client = adminClient(cloud.url);
  const { document } = await client.call(models.version, { params });
  expect(document.variants.at(-1)).toMatchObject({ kind: "float32", input: { type: "uint8" } });
  const { samples } = await client.call(models.report, { params });
  expect(samples).toEqual({ calibration: 40, evaluation: 40, heldOut: true });
  const listed = await fieldloop(cloud.url, "models", "compilations");
  expect(listed).toMatch(/red-or-blue 1\.0\.0 +succeeded +80 /);
});

it("says in one sentence why a compilation failed", async () => {
  const failed = compile(at("broken.onnx"), at("next.yaml"));
  await expect(failed).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /error: The compilation \S+ of red-or-blue 1\.0\.1 has failed: red-or-blue\.onnx cannot be compiled: .* not finite numbers/,
    ),
  });
  await expect(compile(at("model.onnx"), at("model.yaml"))).rejects.toMatchObject({
    stderr: expect.stringContaining("red-or-blue version 1.0.0 exists; raise the version"),
  });
});

it("goes on when the cloud is killed, and is cancelled on request", async () => {
  const eggs = join(repository, "deploy/demo/models/egg-grader/1.0.0");
  const spec = await readFile(join(eggs, "model.yaml"), "utf8");
  const golden = spec.replace(/golden:[\s\S]*$/, "");
  await writeFile(at("eggs.yaml"), golden.replace("version: 1.0.0", "version: 9.0.0"));
  const started = await compile(join(eggs, "model.onnx"), at("eggs.yaml"), "--no-wait");
  const [, id = ""] = /models compilations (\S+)/.exec(started) ?? [];
  const look = () => adminClient(cloud.url).call(compilations.get, { params: { id } });
  await eventually("it runs", async () => (await look()).state === "running");
  await cloud.kill();
  cloud = await startCloud({ folder: scratch.path, ...ports });
  const ended = await eventually("it has ended", async () => {
    const now = await look();
    return now.finishedAt === null ? undefined : now;
  });
  expect(ended).toMatchObject({ state: "succeeded", error: null });
  expect(ended.report?.source).toMatchObject({ kind: "agreement", samples: 40 });

  await writeFile(at("eggs.yaml"), golden.replace("version: 1.0.0", "version: 9.0.1"));
  const other = await compile(join(eggs, "model.onnx"), at("eggs.yaml"), "--no-wait");
  const [, next = ""] = /models compilations (\S+)/.exec(other) ?? [];
  expect(await fieldloop(cloud.url, "models", "compilations", next, "--cancel")).toBe(
    `The compilation ${next} of egg-grader 9.0.1 is cancelled.\n`,
  );
  const { items } = await adminClient(cloud.url).call(models.versions, {
    params: { name: "egg-grader" },
  });
  expect(items.map(({ version }) => version)).toEqual(["9.0.0"]);
});
