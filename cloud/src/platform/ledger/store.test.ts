import { testDatabase } from "@fieldloop/test/support/database";
import { describe, expect, it } from "vitest";
import { chainHash } from "./ledger.ts";
import { appendAudit, listAudit } from "./store.ts";

const { db } = await testDatabase();

describe("audit ledger", () => {
  it("chains each row to the one before it", async () => {
    const entry = {
      actor: "ada",
      act: "devices:write",
      subject: "device:a",
      detail: { b: 1, a: 2 },
    };
    for (const subject of ["device:a", "device:b"])
      await db
        .transaction()
        .execute((tx) => appendAudit(tx, { ...entry, subject }, 1_700_000_000_000));
    const [second, first] = await listAudit(db, 10, undefined);
    const at = new Date(1_700_000_000_000);
    expect(first?.hash).toBe(chainHash("", at, entry));
    expect(second?.hash).toBe(chainHash(first?.hash ?? "", at, { ...entry, subject: "device:b" }));
  });

  it("gives concurrent acts one order", async () => {
    const entry = { actor: "ada", act: "x", subject: "s:1", detail: {} };
    const writes = Array.from({ length: 10 }, () =>
      db.transaction().execute((tx) => appendAudit(tx, entry, 1)),
    );
    await Promise.all(writes);
    const rows = (await listAudit(db, 10, undefined)).reverse();
    for (const [i, row] of rows.slice(1).entries())
      expect(row.hash).toBe(chainHash(rows[i]?.hash ?? "", row.at, entry));
  });
});
