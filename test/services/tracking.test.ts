/** From another program's frames to facts, and from facts to a program, through a whole agent. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type Program, scratchFolder, startLoneAgent } from "../support/processes.ts";

interface Status {
  readonly facts: {
    readonly belt: {
      readonly objects: number;
      readonly occupancy: readonly { readonly zone: string; readonly objects: number }[];
      readonly counts: readonly object[];
    };
  };
  readonly outputs: {
    readonly kick: { readonly sent: number; readonly offered: number; readonly underWay: number };
  };
}

describe("an agent with a line, a zone and an arm", () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let agent: Program;
  let url: string;
  let kicked: string;
  let lastAt = 0;
  let config: Readonly<Record<string, unknown>>;

  beforeAll(async () => {
    scratch = await scratchFolder();
    kicked = join(scratch.path, "kicked");
    writeFileSync(kicked, "");
    const run = [
      "/bin/sh",
      "-c",
      'echo "$1 $2 $3" >> "$0"',
      kicked,
      "{label}",
      "{line}",
      "{direction}",
    ];
    config = {
      cameras: [
        {
          name: "belt",
          kind: "external",
          facts: {
            lines: [
              {
                name: "gate",
                points: [
                  [0.5, 1],
                  [0.5, 0],
                ],
              },
            ],
            zones: [
              {
                name: "bay",
                anchor: "centre",
                polygon: [
                  [0.6, 0],
                  [1, 0],
                  [1, 1],
                  [0.6, 1],
                ],
              },
            ],
          },
        },
      ],
      outputs: [
        {
          name: "kick",
          kind: "command",
          on: { events: ["line-crossed"], notLabels: ["clean"] },
          deadlineMs: 5000,
          command: { run },
        },
      ],
    };
    await start();
  });
  afterAll(async () => {
    await agent?.stop();
    await scratch?.remove();
  });

  const start = async () => {
    const started = await startLoneAgent(scratch.path, config);
    agent = started.program;
    url = started.url;
    await eventually("it is up", async () => (await fetch(`${url}/v1/status`)).ok);
  };
  const status = async (): Promise<Status> =>
    (await (await fetch(`${url}/v1/status`)).json()) as Status; // the agent's own answer

  /** An object on its way to the right; what it is taken for changes in the middle. */
  async function pass(labels: readonly string[]): Promise<void> {
    // Pictures are those of the last moments, and the object before has been gone for a while.
    const lengthMs = labels.length * 200;
    await eventually("the belt is empty", async () => Date.now() - lengthMs > lastAt + 1700);
    const from = Date.now() - lengthMs;
    lastAt = from + lengthMs;
    const observations = labels.map((label, i) => {
      const x = 0.1 + (0.8 * i) / (labels.length - 1);
      const detections = [{ label, score: 0.9, box: [x - 0.1, 0.4, x + 0.1, 0.6] }];
      return { camera: "belt", at: from + 200 * i, detections };
    });
    const body = JSON.stringify(observations);
    const answer = await fetch(`${url}/v1/observations`, { method: "POST", body });
    const { accepted } = (await answer.json()) as { readonly accepted: readonly object[] }; // its reply
    expect([answer.status, accepted.length]).toEqual([202, labels.length]);
  }

  it("counts an object once and kicks it, whatever single frames took it for", async () => {
    await pass([
      "cracked",
      "cracked",
      "clean",
      "cracked",
      "cracked",
      "cracked",
      "clean",
      "cracked",
    ]);
    await eventually("it is kicked", async () => readFileSync(kicked, "utf8") !== "");
    expect(readFileSync(kicked, "utf8")).toBe("cracked gate left-to-right\n");
    const { facts } = await status();
    expect(facts.belt).toEqual({
      objects: 1,
      occupancy: [{ zone: "bay", objects: 1 }],
      counts: [{ line: "gate", direction: "left-to-right", label: "cracked", count: 1 }],
    });
  });

  it("lets what is clean pass, and counts on after a restart", async () => {
    expect(await agent.stop()).toBe(0);
    await start();
    await pass(Array.from({ length: 8 }, () => "clean"));
    await pass(Array.from({ length: 8 }, () => "dirty"));
    await eventually("the dirty one is kicked", async () =>
      readFileSync(kicked, "utf8").includes("dirty"),
    );
    expect(readFileSync(kicked, "utf8")).toBe(
      "cracked gate left-to-right\ndirty gate left-to-right\n",
    );
    const { facts, outputs } = await status();
    expect(facts.belt.counts).toEqual(
      ["cracked", "clean", "dirty"].map((label) => {
        return { line: "gate", direction: "left-to-right", label, count: 1 };
      }),
    );
    expect(outputs.kick).toMatchObject({ offered: 1, sent: 1, underWay: 0 });
  });
});
