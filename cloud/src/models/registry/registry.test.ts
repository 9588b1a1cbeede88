import { type ModelSpec, modelManifest } from "@fieldloop/shared/manifest/model";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { describe, expect, it } from "vitest";
import {
  buildManifest,
  byVersion,
  contentOf,
  copyleftWarning,
  labelWarning,
  listed,
  steadiest,
  unsureWarnings,
} from "./registry.ts";
import type { TrialAnswer } from "./trial-messages.ts";

const digest = (text: string) => sha256Of(text);
const spec: ModelSpec = { name: "eggs", version: "1.0.0", labels: ["good", "bad"] };
const push = { spec, model: digest("model"), goldens: [digest("a")] };
const answer = (change: Partial<TrialAnswer>): TrialAnswer => ({
  image: digest("a"),
  bytes: 10,
  label: "good",
  detections: null,
  confidence: 0.9,
  ...change,
});

describe("contentOf", () => {
  it("does not depend on the order of keys nor on where the images lay", () => {
    const { name, ...rest } = spec;
    const same = { ...push, spec: { ...rest, name, golden: ["images/a.jpg"] } };
    expect(contentOf(same)).toBe(contentOf(push));
  });

  it("tells apart other specs, files and images", () => {
    const others = [
      { ...push, spec: { ...spec, confidenceMin: 0.5 } },
      { ...push, model: digest("another") },
      { ...push, goldens: [] },
    ];
    expect(new Set([push, ...others].map(contentOf)).size).toBe(4);
  });
});

describe("buildManifest", () => {
  it("makes sorted, schema-conforming bytes whose digest names them", () => {
    const input = {
      name: "image",
      layout: "NCHW",
      type: "float32",
      width: 8,
      height: 6,
      fit: "stretch",
      colour: "rgb",
      mean: [0, 0, 0],
      std: [1, 1, 1],
    } as const;
    const built = buildManifest(
      {
        kind: "fits",
        manifest: {
          schema: "fieldloop.model/1",
          name: "eggs",
          version: "1.0.0",
          task: "classification",
          licence: null,
          description: "",
          labels: ["good", "bad"],
          output: { kind: "classification", scores: "logits", activation: "softmax" },
          confidenceMin: 0.6,
        },
        variant: {
          kind: "int8",
          input: { ...input, mean: [0, 0, 0], std: [1, 1, 1] },
          requires: [],
          goldens: [],
          temperature: 1,
        },
        warnings: [],
        answers: [],
      },
      { digest: digest("model"), bytes: 1000 },
      [answer({ confidence: 0.123456 })],
    );
    const text = new TextDecoder().decode(built.bytes);
    expect(built.digest).toBe(sha256Of(built.bytes));
    expect(modelManifest.parse(JSON.parse(text))).toEqual(built.document);
    expect(text.startsWith('{"confidenceMin":0.6,"description":"","labels":')).toBe(true);
    expect(built.document.variants[0]).toMatchObject({ digest: digest("model"), bytes: 1000 });
    const [golden] = built.document.variants[0]!.goldens;
    expect(golden).toEqual({ ...answer({}), confidence: 0.1235, tolerance: 0.2 });
  });
});

describe("warnings", () => {
  it.each([
    ["GPL-3.0-or-later", true],
    ["LGPL-2.1", true],
    ["CC-BY-NC-4.0", true],
    ["AGPL-3.0", false], // said where the spec is completed
    ["Apache-2.0", false],
    ["MIT", false],
    [null, false],
  ])("on the licence %s: %s", (licence, warns) => {
    expect(copyleftWarning(licence) !== undefined).toBe(warns);
  });

  it("says how the labels changed since the version before", () => {
    const earlier = { version: "1.0.0", labels: ["good", "cracked"] };
    expect(labelWarning(["cracked", "good"], earlier)).toBeUndefined();
    expect(labelWarning(["good"], undefined)).toBeUndefined();
    expect(labelWarning(["good", "dirty"], earlier)).toBe(
      "compared with 1.0.0 this version adds dirty and lacks cracked: whatever counts classes sees that",
    );
  });

  it("names golden images on which a classifier is unsure", () => {
    const detector = answer({ label: null, detections: 0, confidence: 0 });
    expect(unsureWarnings([answer({}), detector])).toEqual([]);
    expect(unsureWarnings([answer({ confidence: 0.41 })])).toEqual([
      expect.stringContaining('gives "good" with a confidence of only 0.41'),
    ]);
  });
});

it("keeps a classifier's surest pictures and a detector's emptiest", () => {
  const sure = [0.3, 0.9, 0.6].map((confidence) => answer({ confidence }));
  expect(steadiest(sure, 2).map(({ confidence }) => confidence)).toEqual([0.9, 0.6]);
  const found = [2, 0, 1].map((detections) => answer({ label: null, detections }));
  expect(steadiest(found, 2).map(({ detections }) => detections)).toEqual([0, 1]);
});

it("puts the highest version first, numbers as numbers and pre-releases below", () => {
  const versions = ["1.9.0", "1.10.0-rc.1", "1.10.0", "2.0.0-rc.2"].map((version) => ({ version }));
  expect(byVersion(versions).map(({ version }) => version)).toEqual([
    "2.0.0-rc.2",
    "1.10.0",
    "1.10.0-rc.1",
    "1.9.0",
  ]);
});

it("lists the first names and counts the rest", () => {
  expect(listed(["a", "b", "c"], 2)).toBe("a, b and 1 more");
});
