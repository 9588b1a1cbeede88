import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { updatePhases } from "../messages/control.ts";
import { can, deviceActs, deviceLifecycle, deviceStateOf, deviceStates } from "./device.ts";
import { type Lifecycle, step } from "./lifecycle.ts";
import { attemptPhases, type UpdateReport, updateLifecycle, updateRefusal } from "./update.ts";

/** Walks a table; what is refused leaves the state as it is. */
function walk<S extends string, A extends string>(
  table: Lifecycle<S, A>,
  start: S,
  acts: readonly A[],
): S[] {
  const states = [start];
  for (const act of acts) {
    const here = states.at(-1) ?? start;
    const outcome = step(table, { name: "x", state: here }, act);
    states.push(outcome.kind === "moved" ? outcome.state : here);
  }
  return states;
}

describe("a device's life", () => {
  it("never leaves `removed`, and is never pending again once connected", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...deviceStates),
        fc.array(fc.constantFrom(...deviceActs)),
        (start, acts) => {
          const ranks = walk(deviceLifecycle, start, acts).map((s) => deviceStates.indexOf(s));
          for (const [i, rank] of ranks.entries())
            expect(rank).toBeGreaterThanOrEqual(ranks[i - 1] ?? 0);
        },
      ),
    );
  });

  it("says in one sentence that begins with the device why an act is not possible", () => {
    const device = { id: "cam-1", role: "camera", lastSeen: 5 } as const;
    for (const act of deviceActs) {
      expect(can[act](device)).toBeUndefined();
      expect(can[act]({ ...device, removed: true })).toMatch(/^cam-1 has been removed; /);
    }
    expect(can.watch({ ...device, lastSeen: null })).toBe(
      "cam-1 has never connected, so there is nothing to watch; start its agent",
    );
    expect(can.remove({ ...device, lastSeen: null })).toBeUndefined();
    expect(can.watch({ ...device, role: "station" })).toBe(
      "cam-1 is a station and has no camera to watch",
    );
    expect(can.promoteTarget({ ...device, role: "station" })).toContain("runs no model");
    expect(deviceStateOf({ lastSeen: null })).toBe("pending");
  });
});

const rank = (phase: (typeof updatePhases)[number]) => updatePhases.indexOf(phase);
const report = fc.record({
  model: fc.constantFrom("egg@1.0.0", "egg@1.0.1"),
  phase: fc.constantFrom(...updatePhases),
  at: fc.nat(20),
});

describe("an update's phases", () => {
  it("only move forward on any walk, and end in a final one", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...updatePhases),
        fc.array(fc.constantFrom(...updatePhases)),
        (start, heard) => {
          const states = walk(updateLifecycle, start, heard);
          for (const [i, state] of states.entries())
            expect(rank(state)).toBeGreaterThanOrEqual(rank(states[i - 1] ?? start));
          const ended = states.findIndex((s) => s === "failed" || s === "rolled-back");
          if (ended >= 0) expect(new Set(states.slice(ended)).size).toBe(1);
        },
      ),
    );
  });

  it("take a repeat, skip what was lost, and begin anew for another version", () => {
    fc.assert(
      fc.property(report, report, (known, heard) => {
        expect(updateRefusal(null, heard)).toBeUndefined();
        expect(updateRefusal(known, known)).toBeUndefined();
        if (known.model !== heard.model) expect(updateRefusal(known, heard)).toBeUndefined();
      }),
    );
    const known = { model: "egg@1.0.1", phase: "downloading", at: 9 } as const;
    expect(updateRefusal(known, { ...known, phase: "active", at: 1 })).toBeUndefined();
  });

  it("come to the same end when messages of one attempt are repeated late", () => {
    const attempt = fc.constantFrom<readonly (typeof updatePhases)[number][]>(
      ["downloading", "verifying", "testing", "switching", "active"],
      ["downloading", "verifying", "testing", "failed"],
      ["verifying", "testing", "switching", "active", "rolled-back"],
    );
    fc.assert(
      fc.property(
        attempt,
        fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8 }),
        (way, late) => {
          const sent: UpdateReport[] = way.map((phase, at) => ({ model: "egg@1.0.1", phase, at }));
          const heard = [...sent];
          for (const [which, after] of late) {
            const from = which % sent.length;
            const copy = sent[from]!;
            const first = heard.indexOf(copy);
            heard.splice(first + 1 + (after % (heard.length - first)), 0, copy);
          }
          let known: UpdateReport | null = null;
          for (const message of heard) if (!updateRefusal(known, message)) known = message;
          expect(known).toEqual(sent.at(-1));
        },
      ),
    );
  });

  it("begin again when the device tries again later, and only then", () => {
    for (const phase of updatePhases) {
      const known = { model: "egg@1.0.1", phase, at: 5 };
      for (const first of attemptPhases) {
        expect(updateRefusal(known, { ...known, phase: first, at: 6 })).toBeUndefined();
        if (rank(first) < rank(phase))
          expect(updateRefusal(known, { ...known, phase: first })).toMatch(/^egg@1\.0\.1 \w+ /);
      }
    }
  });
});
