import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { protocolDocument, protocolFile } from "../scripts/protocol.mjs";

it("docs/protocol.md is what topics, messages and contract say; `npm run protocol` writes it", () => {
  expect(readFileSync(protocolFile, "utf8")).toBe(protocolDocument());
});
