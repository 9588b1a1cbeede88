import { AppError } from "@fieldloop/shared/errors";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { parseModelSpec } from "./model-spec.ts";

beforeAll(() => {
  z.config(z.locales.en());
});

const good = `
name: egg
version: 1.0.0
labels: [clean, cracked]
input: { width: 224, height: 224, fit: stretch }
output: { kind: classification, activation: softmax }
golden: [goldens/clean.jpg]
`;

function problemsOf(text: string): unknown {
  try {
    parseModelSpec(text, "model.yaml");
  } catch (error) {
    if (error instanceof AppError) return [error.message, ...((error.detail?.errors ?? []) as [])];
    throw error;
  }
  return "no problem";
}

describe("model.yaml", () => {
  it("is read as it stands", () => {
    expect(parseModelSpec(good, "model.yaml")).toMatchObject({
      name: "egg",
      input: { width: 224, fit: "stretch" },
      golden: ["goldens/clean.jpg"],
    });
  });

  it("names an unknown key, its line and the key that was meant", () => {
    expect(problemsOf(good.replace("width", "widht"))).toEqual([
      "model.yaml does not describe a model: 1 key does not fit",
      { path: "input.widht", message: "is not a known key; did you mean width? (line 5)" },
    ]);
  });

  it("lists what is known where nothing is near", () => {
    expect(problemsOf(`${good}colour: red`)).toEqual([
      expect.any(String),
      { path: "colour", message: expect.stringContaining("known here: name, version, task") },
    ]);
  });

  it("names the kinds of output there are", () => {
    expect(problemsOf(good.replace("classification", "captioning"))).toEqual([
      expect.any(String),
      {
        path: "output.kind",
        message:
          "use one of classification, ssd, yolo, detections, segmentation, embedding (line 6)",
      },
    ]);
  });

  it("says that a key is missing", () => {
    expect(problemsOf(good.replace("name: egg", ""))).toEqual([
      expect.any(String),
      { path: "name", message: "is missing" },
    ]);
  });

  it("asks for quotes where YAML read a number", () => {
    expect(problemsOf(good.replace("1.0.0", "1.0"))).toEqual([
      expect.any(String),
      { path: "version", message: expect.stringMatching(/string.*; put it in quotes \(line 3\)/) },
    ]);
  });

  it("shows where the YAML breaks", () => {
    expect(problemsOf("name: [egg")).toEqual([
      expect.stringMatching(/^model.yaml:1:\d+ is not valid YAML/),
    ]);
  });

  it("says that an empty file misses its keys", () => {
    expect(problemsOf("")).toMatchObject([
      "model.yaml does not describe a model: 2 keys do not fit",
      { path: "name" },
      { path: "version" },
    ]);
  });
});
