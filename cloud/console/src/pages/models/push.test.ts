import { describe, expect, it } from "vitest";
import { readSpec } from "./push.ts";

const yaml = (text: string) => new File([text], "model.yaml");

describe("reading model.yaml in the browser", () => {
  it("takes a short manifest and leaves paths of golden images out", async () => {
    const spec = await readSpec(yaml("name: eggs\nversion: 1.0.1\ngolden: [a.jpg]\n"));
    expect(spec).toEqual({ name: "eggs", version: "1.0.1" });
  });

  it("names each field that does not fit", async () => {
    await expect(readSpec(yaml("name: Eggs!\nversion: 1\n"))).rejects.toMatchObject({
      code: "bad-spec",
      detail: { errors: [{ path: "name" }, { path: "version" }] },
    });
  });

  it("says where YAML cannot be read", async () => {
    await expect(readSpec(yaml("name: [eggs"))).rejects.toMatchObject({
      code: "not-yaml",
      message: expect.stringContaining("model.yaml is not readable YAML"),
    });
  });
});
