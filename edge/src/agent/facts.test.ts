import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cameraFactsSettings } from "@fieldloop/shared/vision/tracking/camera-facts";
import { expect, it } from "vitest";
import type { FrameResult } from "../perception/pipeline.ts";
import { realFiles } from "../platform/files.ts";
import { Facts } from "./facts.ts";

const none = { wait: 0, decode: 0, tensor: 0, infer: 0, post: 0, total: 0 };
const resultOf = (i: number, camera: string): FrameResult => {
  const x = 0.15 + i * 0.1;
  const found = { label: "egg", score: 0.9, box: [x - 0.1, 0.4, x + 0.1, 0.6] as const };
  const detections =
    i < 8 ? [{ ...found, box: [...found.box] as [number, number, number, number] }] : []; // four
  return {
    camera,
    frame: String(i),
    capturedAt: 1000 + 200 * i,
    decision: { label: null, confidence: 0.9, detections },
    model: "eggs@1.0.0",
    stagesMs: none,
    latencyMs: 0,
  };
};

it("counts in windows, and tells one by one only what is asked for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "facts-"));
  const counted: unknown[] = [];
  const told: unknown[] = [];
  const happened: unknown[] = [];
  const facts = new Facts({
    cameras: [
      { name: "belt", facts: cameraFactsSettings.parse({ tell: ["object-seen"] }) },
      { name: "door", facts: undefined },
    ],
    files: realFiles,
    folder,
    reporter: {
      fact: (...fact) => counted.push(fact),
      event: (...event) => told.push(event),
    },
    onEvent: (camera, event, at) => happened.push([camera, event.kind, at]),
    onFault: (message) => told.push(message),
  });
  await facts.open();
  for (let i = 0; i < 18; i++)
    for (const camera of ["belt", "door"]) facts.take(resultOf(i, camera));
  expect(Object.keys(facts.views())).toEqual(["belt"]);
  expect(happened).toEqual([
    ["belt", "object-appeared", 1400],
    ["belt", "object-seen", 4000],
  ]);
  expect(counted).toEqual([["belt", "eggs@1.0.0", "object/egg", 1]]);
  expect(told).toEqual([
    [
      "object-seen",
      "info",
      "the camera belt: egg 1 was seen in 8 frames",
      expect.objectContaining({ camera: "belt", object: expect.objectContaining({ frames: 8 }) }),
    ],
  ]);
  await facts.stop();
  rmSync(folder, { recursive: true, force: true });
});
