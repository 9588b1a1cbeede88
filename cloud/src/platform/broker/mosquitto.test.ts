import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { mosquittoAcl } from "./mosquitto.ts";

const file = new URL("../../../../deploy/brokers/mosquitto/acl", import.meta.url);

it("the access file for Mosquitto says what the topic table says", async () => {
  expect(await readFile(file, "utf8")).toBe(mosquittoAcl("fl"));
});
