import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Decision } from "@fieldloop/shared/vision/decide";
import { cameraFactsSettings } from "@fieldloop/shared/vision/tracking/camera-facts";
import type { FactEvent } from "@fieldloop/shared/vision/tracking/events";
import { afterEach, beforeEach, expect, it } from "vitest";
import { realFiles } from "../../platform/files.ts";
import { CameraFacts } from "./camera-facts.ts";

let folder: string;
let events: FactEvent[];
let faults: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "facts-"));
  events = [];
  faults = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const settings = cameraFactsSettings.parse({
  lines: [
    {
      name: "gate",
      points: [
        [0.5, 1],
        [0.5, 0],
      ],
    },
  ],
});

async function opened(): Promise<CameraFacts> {
  const facts = new CameraFacts({
    camera: "belt",
    settings,
    files: realFiles,
    folder,
    onEvent: (_camera, event) => events.push(event),
    onFault: (message) => faults.push(message),
  });
  await facts.open();
  return facts;
}

const seen = (x: number | null, label = "egg"): Decision => ({
  label: null,
  confidence: x === null ? 0 : 0.9,
  detections: x === null ? [] : [{ label, score: 0.9, box: [x - 0.1, 0.4, x + 0.1, 0.6] }],
});

/** One object from left to right in eight frames, and an empty belt until it is surely gone. */
function passOne(facts: CameraFacts, fromMs: number, labels: readonly string[] = []): void {
  for (let i = 0; i < 8; i++)
    facts.take(seen(0.15 + i * 0.1, labels[i]), { id: `${fromMs}-${i}`, atMs: fromMs + i * 200 });
  for (let i = 8; i < 18; i++)
    facts.take(seen(null), { id: `${fromMs}-${i}`, atMs: fromMs + i * 200 });
}

it("tells one object that was seen in eight frames once, and its crossing", async () => {
  const facts = await opened();
  passOne(facts, 1000);
  expect(events.map(({ kind, object }) => [kind, object.label, object.track])).toEqual([
    ["object-appeared", "egg", 1],
    ["line-crossed", "egg", 1],
    ["object-seen", "egg", 1],
  ]);
  expect(facts.view()).toEqual({
    objects: 0,
    occupancy: [],
    counts: [{ line: "gate", direction: "left-to-right", label: "egg", count: 1 }],
  });
});

it("goes on counting after a restart, and never gives a track's id twice", async () => {
  const first = await opened();
  passOne(first, 1000);
  await first.close();
  const second = await opened();
  passOne(second, 60_000);
  await second.save();
  // Without a goodbye: what was given out since the save must not come again.
  passOne(second, 120_000);
  const third = await opened();
  passOne(third, 180_000);
  const ids = events.flatMap((event) => (event.kind === "object-seen" ? [event.object.track] : []));
  expect(new Set(ids).size).toBe(4);
  expect(third.view().counts).toEqual([
    { line: "gate", direction: "left-to-right", label: "egg", count: 3 },
  ]);
  expect(faults).toEqual([]);
});

it("tells at the end what is still in the picture", async () => {
  const facts = await opened();
  for (let i = 0; i < 4; i++)
    facts.take(seen(0.2 + i * 0.05), { id: String(i), atMs: 1000 + 200 * i });
  expect(facts.view().objects).toBe(1);
  await facts.close();
  expect(events.map(({ kind }) => kind)).toEqual(["object-appeared", "object-seen"]);
});

it("says that a state is damaged, and begins anew", async () => {
  writeFileSync(join(folder, "facts.json"), '{"v":1,"tracker":');
  const facts = await opened();
  expect(faults).toEqual([
    expect.stringMatching(/facts\.json is damaged, counting begins anew: .*JSON/),
  ]);
  passOne(facts, 1000);
  await facts.close();
  expect(JSON.parse(readFileSync(join(folder, "facts.json"), "utf8")).counts).toHaveLength(1);
});

it("remembers what each object was taken for, a frame without it included", async () => {
  const facts = await opened();
  const labels = ["egg", "egg", "stone", "egg"];
  labels.forEach((label, i) => {
    facts.take(seen(0.2 + i * 0.05, label), { id: String(i), atMs: 1000 + 200 * i });
  });
  facts.take(seen(null), { id: "4", atMs: 1800 });
  expect(facts.histories()).toEqual([["egg", "egg", "stone", "egg", null]]);
});
