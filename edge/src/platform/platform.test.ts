import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { clockOk } from "./clock.ts";
import { realFiles } from "./files.ts";
import { requestJson } from "./http-client.ts";
import { openNotify } from "./sd-notify.ts";
import { isInUse, openDatabase } from "./sqlite.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "platform-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("an atomic write replaces the file as a whole, with the mode asked for", async () => {
  const path = join(folder, "deep", "file");
  await realFiles.writeAtomic(path, "one");
  await realFiles.writeAtomic(path, "two", 0o600);
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await realFiles.list(join(folder, "deep"))).toEqual(["file"]);
});

test("a leftover of a crash, even a link elsewhere, is not written through", async () => {
  const elsewhere = join(folder, "elsewhere");
  writeFileSync(elsewhere, "untouched");
  symlinkSync(elsewhere, join(folder, "file.tmp"));
  await realFiles.writeAtomic(join(folder, "file"), "mine");
  expect(readFileSync(elsewhere, "utf8")).toBe("untouched");
  expect(readFileSync(join(folder, "file"), "utf8")).toBe("mine");
});

test("what is not there is no error to read, size, list or remove", async () => {
  const path = join(folder, "nothing");
  expect(await realFiles.read(path)).toBeUndefined();
  expect(await realFiles.size(path)).toBeUndefined();
  expect(await realFiles.list(path)).toEqual([]);
  await realFiles.remove(path);
});

test("a failure names the file and what was to be done", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(realFiles.writeAtomic(join(folder, "file", "below"), "x")).rejects.toThrow(
    `cannot write ${join(folder, "file", "below")}`,
  );
});

test("appending goes on where it stopped, or begins anew", async () => {
  const path = join(folder, "part");
  for (const [text, truncate] of [
    ["ab", true],
    ["cd", false],
  ] as const) {
    const sink = await realFiles.append(path, truncate);
    await sink.write(Buffer.from(text));
    await sink.close();
  }
  expect(readFileSync(path, "utf8")).toBe("abcd");
});

test("a database belongs to one process at a time", () => {
  const schema = new URL(`file://${join(folder, "schema.sql")}`);
  writeFileSync(schema, "create table if not exists t (a integer) strict;");
  const path = join(folder, "data.db");
  const { database } = openDatabase({ path, schema, now: 1 });
  let thrown: unknown;
  try {
    openDatabase({ path, schema, now: 2 });
  } catch (error) {
    thrown = error;
  }
  expect(isInUse(thrown)).toBe(true);
  database.close();
});

test("a clock that says 1970 or 2200 is not believed", () => {
  expect([0, Date.UTC(2026, 5), Date.UTC(2200, 0)].map(clockOk)).toEqual([false, true, false]);
});

test("outside systemd nothing is notified; a missing socket is said once", async () => {
  openNotify({}, () => expect.fail("nothing to say"))("READY=1");
  const error = await new Promise<Error>((resolve) =>
    openNotify({ NOTIFY_SOCKET: join(folder, "none") }, resolve)("READY=1"),
  );
  expect(error.message).toContain("systemd-notify");
});

async function serve(answer: (path: string) => [status: number, body: string]): Promise<string> {
  const server = createServer((request, response) => {
    const [status, body] = answer(request.url ?? "");
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([
  [
    [422, '{"code":"bad","detail":"say it differently"}'],
    { code: "bad", status: 422, message: "say it differently", retryable: false },
  ],
  [[503, "<html>"], { code: "cloud-refused", status: 503, retryable: true }],
  [[200, "<html>"], { code: "cloud-answer" }],
  [[200, `"${"x".repeat(5000)}"`], { code: "cloud-answer" }],
] as [[number, string], object][])(
  "an answer %j of the cloud fails as %j",
  async (answer, error) => {
    const url = await serve(() => answer);
    await expect(requestJson({ method: "GET", url, timeoutMs: 1000 }, 1000)).rejects.toMatchObject(
      error,
    );
  },
);

test("a cloud that does not answer is given up in time", async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(requestJson({ method: "GET", url, timeoutMs: 50 }, 1000)).rejects.toMatchObject({
    code: "cloud-unreachable",
    retryable: true,
  });
});
