import type { ModelVariant } from "@fieldloop/shared/manifest/model";
import { processorFeatures } from "@fieldloop/shared-node/processor";
import { boards } from "@fieldloop/test/support/cpuinfo";
import { describe, expect, it } from "vitest";
import { chooseVariant, passedOverText } from "./variant.ts";

const variant = (kind: ModelVariant["kind"], requires: string[], bytes: number): ModelVariant => ({
  kind,
  digest: "a".repeat(64),
  bytes,
  input: {
    name: "image",
    layout: "NHWC",
    type: "uint8",
    width: 8,
    height: 6,
    fit: "stretch",
    colour: "rgb",
    mean: [0, 0, 0],
    std: [1, 1, 1],
  },
  requires,
  goldens: [],
  temperature: 1,
});
const full = variant("int8", ["int8-dot"], 1);
const reduced = variant("int8", ["avx2"], 2);
const float = variant("float32", [], 4);
const choose = (cpuinfo: string, variants: ModelVariant[]) =>
  chooseVariant({ variants }, { features: [...processorFeatures(cpuinfo)!], providers: ["cpu"] });

describe("chooseVariant", () => {
  it.each([
    ["xeon", full],
    ["smallPc", full],
    ["raspberryPi5", full],
    ["jetsonOrin", full],
    ["oldPc", reduced],
    ["raspberryPi4", float],
  ] as const)("on %s takes what its processor computes right", (board, expected) => {
    expect(choose(boards[board], [full, reduced, float]).variant).toBe(expected);
  });

  it("says what was passed over and why", () => {
    const vnni = variant("int8", ["vnni"], 1);
    const { passedOver, variant: chosen } = choose(boards.oldPc, [vnni, float]);
    expect(chosen).toBe(float);
    expect(passedOver).toEqual([{ kind: "int8", lacks: ["vnni"] }]);
    expect(passedOverText(passedOver)).toBe("int8 was passed over, since this board lacks vnni");
    expect(choose(boards.xeon, [vnni, float])).toEqual({ variant: vnni, passedOver: [] });
    expect(passedOverText([])).toBe("");
  });

  it("finds none where every variant asks for more", () => {
    const cuda = variant("float16", ["cuda"], 1);
    expect(choose(boards.oldPc, [cuda])).toEqual({
      variant: undefined,
      passedOver: [{ kind: "float16", lacks: ["cuda"] }],
    });
  });
});
