import { describe, expect, it } from "vitest";
import { eceAt, fitTemperature, type Labelled } from "./temperature.ts";

/** Samples whose logits are right as they are, in exact shares: 2 classes, p of class 0 as given. */
function honest(scale: number): Labelled[] {
  return [0.6, 0.7, 0.8, 0.9].flatMap((p) => {
    const scores = [scale * Math.log(p / (1 - p)), 0];
    return Array.from({ length: 100 }, (_, i) => ({
      scores,
      truth: i < Math.round(100 * p) ? 0 : 1,
    }));
  });
}

describe("the temperature of a model", () => {
  it("is 1 where confidences are honest already", () => {
    expect(fitTemperature(honest(1)).temperature).toBeCloseTo(1, 2);
  });

  it("undoes logits that are three times too large", () => {
    const found = fitTemperature(honest(3));
    expect(found.temperature).toBeCloseTo(3, 2);
    expect(found.ece.before).toBeGreaterThan(0.1);
    expect(found.ece.after).toBeLessThan(0.01);
    expect(found.nll.after).toBeLessThan(found.nll.before);
  });

  it("is compared with the one that the model had", () => {
    const found = fitTemperature(honest(3), 3);
    expect(found.ece.before).toBeCloseTo(eceAt(honest(3), 3));
    expect(found.nll.after).toBeCloseTo(found.nll.before, 5);
  });
});
