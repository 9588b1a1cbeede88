import { join } from "node:path";
import { repository } from "@fieldloop/test/support/processes";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import type { Io } from "../io.ts";
import { run } from "../program.ts";

const eggs = join(repository, "deploy/demo/models/egg-grader/1.0.0");

beforeAll(() => {
  z.config(z.locales.en());
});

async function bench(...args: readonly string[]) {
  let [out, err] = ["", ""];
  const io: Io = {
    env: {},
    inIsTty: false,
    outIsTty: false,
    errIsTty: false,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    ask: () => Promise.reject(new Error("nothing is asked")),
    now: () => 0,
  };
  return { code: await run(["models", "bench", ...args], io), out, err };
}

describe("fieldloop models bench on this machine", () => {
  it("compares every file of a compiled folder that this processor runs with the float one", async () => {
    const { code, out, err } = await bench(join(eggs, "compiled"), "--pairs", "20", "--json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { name, version, pairs, figures } = JSON.parse(out);
    expect({ name, version, pairs }).toEqual({ name: "egg-grader", version: "1.0.0", pairs: 20 });
    const kinds = [...figures.variants, ...figures.passedOver].map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(["int8", "int8-reduced"]);
    expect(figures.variants[0]).toMatchObject({ provider: "cpu", latency: { pairs: 20 } });
    expect(figures).toMatchObject({ threads: 1, temperatureC: null });
  });

  it("measures a single model file by itself", async () => {
    const files = [join(eggs, "model.onnx"), "--manifest", join(eggs, "model.yaml")];
    const { code, out, err } = await bench(...files, "--pairs", "20");
    expect({ code, err }).toEqual({ code: 0, err: "measuring\n" });
    expect(out).toMatch(/^egg-grader 1\.0\.0 on this machine\nFILE +P50 /);
    expect(out).toMatch(/^float32 +\d+\.\d\d ms +.* 20 {2}cpu$/m);
    expect(out).toMatch(/; 1 thread, \d+ MB resident\n$/);
  });

  it.each([
    [[eggs], 1, /has no manifest\.json; give a folder that `fieldloop models compile` made/],
    [["gone.onnx"], 2, /gone\.onnx is no folder .*; a model file needs --manifest/],
    [["eggs@1.0.0"], 2, /eggs@1\.0\.0 is measured on a device; give one with --device/],
    [["eggs", "--device", "cam-1"], 1, /`eggs` is none; write it as name@version/],
    [["eggs@1.0.0", "--device", "cam-1", "--threads", "2"], 2, /a device has its own/],
    [[eggs, "--pairs", "3"], 2, /Write a whole number from 20 to 2000/],
  ])("says in one sentence what is wrong with %j", async (args, exit, message) => {
    const { code, out, err } = await bench(...args);
    expect({ code, out }).toEqual({ code: exit, out: "" });
    expect(err).toMatch(message);
    expect(err.match(/error:/g)).toHaveLength(1);
  });
});
