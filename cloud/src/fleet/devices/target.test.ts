import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultModel, type ModelTarget, resolveTarget } from "./target.ts";

const target = (model: string, alias: string, version: string, promoted: number): ModelTarget => {
  return { model, alias, version, manifest: "0".repeat(64), manifestBytes: 1, promoted };
};
const egg = target("egg", "production", "1.0.0", 1);
const eggOfLine2 = target("egg", "line-2", "1.1.0", 3);
const face = target("face", "production", "2.0.0", 2);
const faceOfLine2 = target("face", "line-2", "2.1.0", 4);
const all = [faceOfLine2, face, eggOfLine2, egg];

describe("the target of a device", () => {
  it.each([
    ["the fleet's version of the default model", null, null, "egg@1.0.0"],
    ["its group's version", "line-2", null, "egg@1.1.0"],
    ["the fleet's where its group has none", "line-9", null, "egg@1.0.0"],
    ["the model it follows", null, "face", "face@2.0.0"],
    ["its group's version of the model it follows", "line-2", "face", "face@2.1.0"],
    ["nothing where nobody promoted what it follows", null, "leaf", undefined],
    ["the fleet's in a group that is called production", "production", null, "egg@1.0.0"],
  ])("is %s", (_, group, follows, expected) => {
    const found = resolveTarget({ role: "camera", group, follows }, all);
    expect(found && `${found.model}@${found.version}`).toBe(expected);
  });

  it("is nothing for stations, before any promotion, and where only another group has the model", () => {
    expect(resolveTarget({ role: "station", group: null, follows: null }, all)).toBeUndefined();
    expect(resolveTarget({ role: "camera", group: null, follows: null }, [])).toBeUndefined();
    const only = resolveTarget({ role: "camera", group: null, follows: null }, [eggOfLine2]);
    expect(only).toBeUndefined();
  });

  it("does not depend on the order of the targets", () => {
    const device = fc.record({
      role: fc.constant("camera"),
      group: fc.constantFrom(null, "line-2", "line-9"),
      follows: fc.constantFrom(null, "egg", "face", "leaf"),
    });
    fc.assert(
      fc.property(device, fc.shuffledSubarray(all, { minLength: 4 }), (given, shuffled) => {
        expect(resolveTarget(given, shuffled)).toEqual(resolveTarget(given, all));
        expect(defaultModel(shuffled)).toBe("egg");
      }),
    );
  });
});
