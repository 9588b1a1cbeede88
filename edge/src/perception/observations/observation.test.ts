import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFrigateEvent } from "./frigate.ts";
import { decisionOf, observationLimits, readObservations } from "./observation.ts";

const body = (value: unknown) => Buffer.from(JSON.stringify(value));
const clean = { camera: "dock", label: "clean", confidence: 0.9 };
const person = { label: "person", score: 0.9, box: [0.1, 0.2, 0.3, 0.4] };

describe("observations", () => {
  it("are one or a list, of a class or of findings", () => {
    expect(readObservations(body(clean))).toEqual([{ ...clean, latencyMs: 0 }]);
    const detected = { camera: "dock", frame: "7", at: 5, model: "y@1", detections: [person] };
    expect(readObservations(body([clean, detected]))).toEqual([
      { ...clean, latencyMs: 0 },
      { ...detected, latencyMs: 0 },
    ]);
  });

  it("read as a model of ours would have said it, best finding first", () => {
    const weak = { ...person, score: 0.2 };
    const [seen] = readObservations(body({ camera: "dock", detections: [weak, person] }));
    expect(decisionOf(seen!)).toEqual({ label: null, confidence: 0.9, detections: [person, weak] });
    const [nothing] = readObservations(body({ camera: "dock", detections: [] }));
    expect(decisionOf(nothing!)).toEqual({ label: null, confidence: 0, detections: [] });
    const [one] = readObservations(body(clean));
    expect(decisionOf(one!)).toEqual({ label: "clean", confidence: 0.9, detections: null });
  });

  it.each([
    ["{", "the body is no JSON"],
    ["[]", "a request holds 1 to 100 observations, not 0"],
    [JSON.stringify(Array(101).fill(clean)), "a request holds 1 to 100 observations, not 101"],
    ["7", "send camera with label and confidence"],
    [JSON.stringify({ ...clean, confidence: 2 }), "confidence: "],
    [JSON.stringify([clean, { ...clean, camera: "No Slug" }]), "1.camera: "],
    [JSON.stringify({ camera: "dock", detections: [{ ...person, box: [1, 2, 3] }] }), "box"],
    [
      JSON.stringify({ camera: "dock", detections: [{ ...person, box: [0, 0, 640, 480] }] }),
      "as fractions",
    ],
    [JSON.stringify({ ...clean, thumbnail: "R0lGODlh" }), "of dock is no JPEG in base64"],
    [JSON.stringify({ ...clean, labl: 1 }), "labl"],
  ])("%s is refused with a sentence", (text, reason) => {
    expect(() => readObservations(Buffer.from(text))).toThrow(reason);
  });

  it("never throw anything else, whatever comes", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          const read = readObservations(Buffer.from(text));
          expect(read.length).toBeLessThanOrEqual(observationLimits.perRequestMax);
        } catch (error) {
          expect(error).toMatchObject({ code: "observation", status: 400 });
        }
      }),
    );
  });
});

describe("an event of Frigate", () => {
  const cameras = { front_door: { camera: "door", width: 1280, height: 720 } };
  const after = {
    id: "1607123955.475377-mxklsc",
    camera: "front_door",
    label: "person",
    top_score: 0.958984375,
    score: 0.7890625,
    start_time: 1607123955.475377,
    end_time: 1607123962.08,
    box: [424, 500, 536, 712],
    false_positive: false,
    area: 23744,
  };
  const read = (value: unknown) => readFrigateEvent(body(value), cameras);

  it("is an observation when the object has gone: its best score, its box as fractions", () => {
    expect(read({ type: "end", before: {}, after })).toEqual({
      kind: "observation",
      observation: {
        camera: "door",
        frame: "1607123955.475377-mxklsc",
        at: 1607123955475,
        latencyMs: 0,
        detections: [
          { label: "person", score: 0.958984375, box: [0.33125, 500 / 720, 0.41875, 712 / 720] },
        ],
      },
    });
  });

  it.each([
    ["while the object is there", { type: "update", after }],
    ["of another camera", { type: "end", after: { ...after, camera: "garden" } }],
    ["of a name every object has", { type: "end", after: { ...after, camera: "constructor" } }],
    ["that Frigate takes back", { type: "end", after: { ...after, false_positive: true } }],
  ])("%s is nothing to tell", (_, event) => {
    expect(read(event)).toEqual({ kind: "ignored" });
  });

  it("that is none is said so", () => {
    expect(read({ type: "end" })).toMatchObject({
      kind: "invalid",
      reason: expect.stringContaining("no event of Frigate: after: "),
    });
    expect(readFrigateEvent(Buffer.from("online"), cameras).kind).toBe("invalid");
  });

  it("always gives fractions and never throws", () => {
    const number = fc.oneof(fc.double(), fc.constant(1e308));
    const box = fc.tuple(number, number, number, number);
    fc.assert(
      fc.property(box, number, number, (corners, score, start) => {
        const event = { ...after, box: corners, top_score: score, start_time: start };
        const reading = read({ type: "end", after: event });
        if (reading.kind !== "observation") return;
        const [found] = "detections" in reading.observation ? reading.observation.detections : [];
        for (const value of [...(found?.box ?? []), found?.score ?? 0]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});
