import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { colourModel, writeOnnx } from "../test/tiny-onnx.ts";
import { openSession, providerOrder, type SessionOptions } from "./session.ts";

const options = (bytes = colourModel(2, 1)): SessionOptions => ({
  model: { kind: "bytes", bytes, name: "tiny.onnx" },
  providers: ["cpu"],
  intraOpThreads: 1,
  input: { name: "image", dims: [1, 3, 1, 2], data: new Float32Array(6) },
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("openSession", () => {
  it("runs one frame after another, each with its own input", async () => {
    const session = await openSession(options());
    const results = await Promise.all(
      [1, 2, 3].map((value) =>
        session.run(
          (data) => data.fill(value),
          ({ logits }) => [...logits!.data],
        ),
      ),
    );
    expect(results).toEqual([
      [1, 1, 1],
      [2, 2, 2],
      [3, 3, 3],
    ]);
    await session.release();
    await expect(
      session.run(
        () => undefined,
        () => undefined,
      ),
    ).rejects.toMatchObject({ code: "inference-failed" });
  });

  it("goes on after a run whose reader throws", async () => {
    const session = await openSession(options());
    const broken = session.run(
      (data) => data.fill(1),
      () => {
        throw new Error("unreadable");
      },
    );
    await expect(broken).rejects.toThrow("unreadable");
    const next = await session.run(
      (data) => data.fill(2),
      ({ logits }) => logits!.dims,
    );
    expect(next).toEqual([1, 3]);
    await session.release();
  });

  it("says where no profile could be written that the provider was only opened", async () => {
    vi.stubEnv("TMPDIR", "/nowhere");
    const session = await openSession(options());
    expect(session.provider).toEqual({
      requested: ["cpu"],
      effective: "cpu",
      nodes: {},
      source: "opened",
      refused: [],
    });
    await session.release();
  });

  it("leaves no profile behind", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fieldloop-session-"));
    vi.stubEnv("TMPDIR", folder);
    const session = await openSession(options());
    await session.release();
    expect(session.provider.source).toBe("profile");
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it("reads outputs whose shape only the run tells", async () => {
    const bytes = writeOnnx({
      inputs: [{ name: "image", shape: [1, 3, 1, 2] }],
      outputs: [{ name: "found", shape: [4, "any"] }],
      nodes: [
        { opType: "NonZero", input: ["image"], output: ["places"] },
        { opType: "CastLike", input: ["places", "image"], output: ["found"] },
      ],
      opset: 15,
    });
    const session = await openSession(options(bytes));
    const count = (ones: number) =>
      session.run(
        (data) => {
          data.fill(0);
          data.fill(1, 0, ones);
        },
        ({ found }) => found!.dims,
      );
    expect(await count(5)).toEqual([4, 5]);
    expect(await count(2)).toEqual([4, 2]);
    await session.release();
  });
});

describe("providerOrder", () => {
  it("names each once and ends with the processor", () => {
    expect(providerOrder([])).toEqual(["cpu"]);
    expect(providerOrder(["cpu", "cuda", "cuda"])).toEqual(["cuda", "cpu"]);
  });
});
