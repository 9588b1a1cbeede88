import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { modelFolder, pushArguments } from "./plans.ts";

const folder = mkdtempSync(join(tmpdir(), "fieldloop-plans-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("pushes the compiled model once there is one", () => {
  const float = [join(folder, "model.onnx"), "--manifest", join(folder, "model.yaml")];
  expect(pushArguments(folder)).toEqual(float);
  mkdirSync(join(folder, "compiled"));
  expect(pushArguments(folder)).toEqual(float); // a folder that is not whole yet
  writeFileSync(join(folder, "compiled", "manifest.json"), "{}");
  expect(pushArguments(folder)).toEqual([join(folder, "compiled")]);
});

it("has the base model it starts with", () => {
  expect(existsSync(join(modelFolder("1.0.0"), "model.onnx"))).toBe(true);
});
