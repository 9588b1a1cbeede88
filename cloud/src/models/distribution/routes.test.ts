import { randomBytes } from "node:crypto";
import type { ModelSpec } from "@fieldloop/shared/manifest/model";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { addCamera } from "@fieldloop/test/support/camera";
import { admin, testApp, testPlatform } from "@fieldloop/test/support/platform";
import { describe, expect, it } from "vitest";
import { colourModel } from "../../../../shared/node/test/tiny-onnx.ts";
import type { Caller } from "../../platform/caller.ts";
import { promote } from "../registry/promote.ts";
import { registerVersion } from "../registry/register.ts";
import { tryModel } from "../registry/trial.ts";
import { blobBytesSent, distributionRoutes } from "./routes.ts";

const { platform, db } = await testPlatform();
const device = (id: string): Caller => ({ ...admin, kind: "device", id, name: id, role: null });
const asking: { caller: Caller } = { caller: device("cam-1") };
const app = await testApp(platform, [distributionRoutes], () => asking.caller);

async function register(name: string, version: string, width: number) {
  const bytes = colourModel(width);
  const { digest } = await platform.blobs.putBytes(bytes);
  const spec: ModelSpec = {
    name,
    version,
    labels: ["red", "green", "blue"],
    input: { mean: [0, 0, 0], std: [1, 1, 1] },
    output: { kind: "classification" },
  };
  const push = { spec, model: digest, variants: [], goldens: [] };
  return { bytes, digest, ...(await registerVersion(platform, tryModel, push, "Ada")) };
}

await addCamera(db, "cam-1");
await addCamera(db, "cam-2");
const old = await register("colours", "1.0.0", 8);
const current = await register("colours", "1.1.0", 10);
const foreign = await register("other", "1.0.0", 12);
await promote(platform, { name: "colours", alias: "production", version: "1.1.0" }, admin);

const fetchBlob = async (digest: string, headers: Record<string, string> = {}) =>
  await app.inject({ method: "GET", url: `/api/v1/device/blobs/${digest}`, headers });

describe("the download for devices", () => {
  it("gives manifest, model and golden images of every version of the device's model", async () => {
    for (const version of [current, old]) {
      const goldens = version.document.variants[0]!.goldens.map(({ image }) => image);
      for (const digest of [version.version.manifest, version.digest, ...goldens]) {
        const response = await fetchBlob(digest);
        expect(response.statusCode).toBe(200);
        expect(sha256Of(response.rawPayload)).toBe(digest);
        expect(response.headers).toMatchObject({
          "content-type": "application/octet-stream",
          "content-length": String(response.rawPayload.length),
          "accept-ranges": "bytes",
          etag: `"${digest}"`,
        });
      }
    }
  });

  it("gives a part, and counts the bytes it sent", async () => {
    const before = (await blobBytesSent.get()).values[0]?.value ?? 0;
    const { bytes, digest } = current;
    const response = await fetchBlob(digest, { range: "bytes=10-", "if-range": `"${digest}"` });
    expect(response.statusCode).toBe(206);
    expect(response.headers["content-range"]).toBe(`bytes 10-${bytes.length - 1}/${bytes.length}`);
    expect(response.rawPayload).toEqual(Buffer.from(bytes.subarray(10)));
    const head = await app.inject({ method: "HEAD", url: `/api/v1/device/blobs/${digest}` });
    expect(head.headers["content-length"]).toBe(String(bytes.length));
    expect((await blobBytesSent.get()).values[0]?.value).toBe(before + bytes.length - 10);
  });

  it("gives everything when the client has seen other bytes", async () => {
    const headers = { range: "bytes=10-", "if-range": '"another"' };
    const response = await fetchBlob(current.digest, headers);
    expect(response.statusCode).toBe(200);
    expect(response.rawPayload).toEqual(Buffer.from(current.bytes));
  });

  it("refuses a range after the end, and says how many bytes there are", async () => {
    const { bytes, digest } = current;
    const response = await fetchBlob(digest, { range: `bytes=${bytes.length}-` });
    expect(response.statusCode).toBe(416);
    expect(response.headers["content-range"]).toBe(`bytes */${bytes.length}`);
    expect(response.json()).toMatchObject({ code: "range" });
  });

  it("resumes a large file from where it broke off, to the same bytes", async () => {
    const large = randomBytes(3 * 1024 * 1024);
    const { digest } = await platform.blobs.putBytes(large);
    await db
      .insertInto("blobs")
      .values({ digest, bytes: large.length, stored_at: new Date(), stored_by: "Ada" })
      .execute();
    const of = { name: "colours", version: "1.0.0" };
    await db
      .insertInto("model_blobs")
      .values({ ...of, digest, role: "golden" })
      .execute();
    const first = await fetchBlob(digest, { range: "bytes=0-1999999" });
    const rest = await fetchBlob(digest, { range: "bytes=2000000-", "if-range": `"${digest}"` });
    expect(sha256Of(Buffer.concat([first.rawPayload, rest.rawPayload]))).toBe(digest);
  });

  it("hides other models, other blobs, and everything from a device without a model", async () => {
    const { digest } = await platform.blobs.putBytes(Buffer.from("uploaded and not registered"));
    for (const hidden of [digest, foreign.digest, "0".repeat(64)]) {
      expect((await fetchBlob(hidden)).json()).toMatchObject({
        status: 404,
        code: "no-such-blob",
        detail: expect.stringContaining("meant to run the model colours"),
      });
    }
    asking.caller = device("nobody");
    expect((await fetchBlob(current.digest)).json().detail).toContain("meant to run no model");
    asking.caller = admin;
    expect((await fetchBlob(current.digest)).statusCode).toBe(401);
    asking.caller = device("cam-1");
  });
});
