import { type ModelInput, type ModelSpec, modelManifest } from "@fieldloop/shared/manifest/model";
import { canonicalJson } from "@fieldloop/shared-node/crypto/canonical-json";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import { describe, expect, it } from "vitest";
import {
  buildManifest,
  byVersion,
  contentOf,
  copyleftWarning,
  disagreements,
  labelWarning,
  listed,
  type PushedVariant,
  steadiest,
  unsureWarnings,
} from "./registry.ts";
import type { TrialAnswer } from "./trial-messages.ts";

const digest = (text: string) => sha256Of(text);
const spec: ModelSpec = { name: "eggs", version: "1.0.0", labels: ["good", "bad"] };
const push = { spec, model: digest("model"), variants: [], goldens: [digest("a")] };
const input: ModelInput = {
  name: "image",
  layout: "NCHW",
  type: "float32",
  width: 8,
  height: 6,
  fit: "stretch",
  colour: "rgb",
  mean: [0, 0, 0],
  std: [1, 1, 1],
};
const pushed: PushedVariant = {
  kind: "int8",
  model: digest("model"),
  input,
  temperature: 1,
  requires: [],
};
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
      { ...push, variants: [pushed] },
      { ...push, variants: [{ ...pushed, requires: ["vnni"] }] },
      { ...push, variants: [pushed, { ...pushed, temperature: 2 }] },
    ];
    expect(new Set([push, ...others].map(contentOf)).size).toBe(7);
  });

  it("is for a single file what it was before there were variants", () => {
    const { spec, model, goldens } = push;
    expect(contentOf(push)).toBe(sha256Of(canonicalJson({ spec, model, goldens })));
  });
});

describe("buildManifest", () => {
  it("makes sorted, schema-conforming bytes whose digest names them", () => {
    const file = (kind: "int8" | "float32", name: string) => ({
      variant: { kind, input, requires: [], goldens: [], temperature: 1 },
      blob: { digest: digest(name), bytes: 1000 },
      answers: [answer({ confidence: 0.123456 })],
    });
    const built = buildManifest(
      {
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
      [file("int8", "model"), file("float32", "float")],
    );
    const text = new TextDecoder().decode(built.bytes);
    expect(built.digest).toBe(sha256Of(built.bytes));
    expect(modelManifest.parse(JSON.parse(text))).toEqual(built.document);
    expect(text.startsWith('{"confidenceMin":0.6,"description":"","labels":')).toBe(true);
    expect(built.document.variants[0]).toMatchObject({ digest: digest("model"), bytes: 1000 });
    const [golden] = built.document.variants[0]!.goldens;
    expect(golden).toEqual({ ...answer({}), confidence: 0.1235, tolerance: 0.2 });
    expect(built.document.variants[1]).toMatchObject({
      digest: digest("float"),
      goldens: [{ tolerance: 0.15 }],
    });
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

describe("disagreements", () => {
  it("are other top classes, plain where the model compared with is sure", () => {
    const same = answer({ confidence: 0.3 });
    expect(disagreements([same], [answer({})])).toEqual([]);
    const other = answer({ label: "bad", confidence: 0.55 });
    expect(disagreements([other], [answer({})])).toEqual([
      {
        message: `golden image ${digest("a").slice(0, 12)} gives "bad" with a confidence of 0.55, and "good" with a confidence of 0.90 by the model it is compared with`,
        plain: true,
      },
    ]);
    expect(disagreements([other], [answer({ confidence: 0.4 })])).toMatchObject([{ plain: false }]);
  });

  it("are other numbers of detections, which a score near its bar can explain", () => {
    const found = answer({ label: null, detections: 3 });
    expect(disagreements([found], [found])).toEqual([]);
    expect(disagreements([found], [answer({ label: null, detections: 4 })])).toEqual([
      {
        message: expect.stringContaining("gives 3 detections, and 4 detections by the model"),
        plain: false,
      },
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
