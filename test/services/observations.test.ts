/** Other programs' observations: Frigate's events over a real Mosquitto, and the Python client. */
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { FrigateInput } from "@fieldloop/edge/perception/observations/frigate-input";
import type { Observation } from "@fieldloop/edge/perception/observations/observation";
import { connectAsync } from "mqtt";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  eventually,
  freePort,
  type Program,
  repository,
  scratchFolder,
  startLoneAgent,
  startMosquitto,
} from "../support/processes.ts";

const has = (program: string, ...args: readonly string[]) => {
  try {
    execFileSync(program, args, {
      stdio: "ignore",
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
    });
    return true;
  } catch (error) {
    // Mosquitto says its help with an exit code of its own.
    return error instanceof Error && "status" in error && error.status !== null;
  }
};
const hasMosquitto = has("mosquitto", "-h");
if (!hasMosquitto) console.warn("skipped: the program mosquitto is not installed");

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
const programs: Program[] = [];
beforeAll(async () => {
  scratch = await scratchFolder();
});
afterEach(async () => {
  for (const program of programs.splice(0)) await program.kill();
});
afterAll(() => scratch.remove());

describe.skipIf(!hasMosquitto)("Frigate on a broker in the local network", () => {
  it("is heard, also after the broker was away", async () => {
    const port = await freePort();
    programs.push(await startMosquitto(scratch.path, port));
    const seen: Observation[] = [];
    const troubles: string[] = [];
    const input = new FrigateInput({
      url: `mqtt://me:hunter22@127.0.0.1:${port}`,
      topic: "frigate/events",
      cameras: { front_door: { camera: "door", width: 1280, height: 720 } },
      onObservation: (observation) => seen.push(observation),
      onTrouble: (message) => troubles.push(message),
    });
    input.start();
    const tell = async (id: string, type = "end") => {
      const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
      const after = { id, camera: "front_door", label: "cat", top_score: 0.7, start_time: 5 };
      await client.publishAsync("frigate/events", JSON.stringify({ type, after }), { qos: 1 });
      await client.publishAsync("frigate/events", "no event", { qos: 1 });
      await client.endAsync();
    };
    await eventually("the first is heard", async () => {
      if (seen.length === 0) await tell("a");
      return seen.length > 0;
    });
    await tell("b", "update");
    for (const program of programs.splice(0)) await program.kill();
    await eventually("the loss is told", async () =>
      troubles.some((one) => one.includes(`mqtt://***@127.0.0.1:${port} cannot be reached`)),
    );
    programs.push(await startMosquitto(scratch.path, port));
    await eventually("it is heard again", async () => {
      await tell("c");
      return seen.some(({ frame }) => frame === "c");
    });
    await input.stop();
    expect(new Set(seen.map(({ frame }) => frame))).toEqual(new Set(["a", "c"]));
    expect(seen[0]).toMatchObject({ camera: "door", at: 5000 });
    expect(input.counters.observations).toBe(seen.length);
    expect(input.counters.invalid).toBeGreaterThan(0);
    expect(troubles.join()).not.toContain("hunter22");
    expect(troubles).toContain(
      "a message of Frigate was left out: no event of Frigate: Invalid input",
    );
  });
});

describe("the Python client", () => {
  it("tells an agent what it saw, and says in a sentence what is wrong", async () => {
    const cameras = [{ name: "dock", kind: "external" }];
    const { program, url } = await startLoneAgent(scratch.path, { cameras });
    programs.push(program);
    await eventually("the agent is up", async () => (await fetch(`${url}/healthz`)).ok);
    const code = `import sys; sys.path.insert(0, "deploy/clients"); import observe
print(observe.observe(sys.argv[2], [{"label": "person", "score": 0.9, "box": [0, 0, 1, 1]}], "y@1", agent=sys.argv[1]))`;
    const run = promisify(execFile);
    const python = (camera: string) =>
      run("python3", ["-c", code, url, camera], { cwd: repository });
    expect((await python("dock")).stdout).toMatch(
      /^\{'accepted': \[\{'camera': 'dock', 'frame': '\d/,
    );
    await expect(python("gate")).rejects.toMatchObject({
      code: 1,
      stderr: 'there is no camera "gate" of kind external; configured are dock\n',
    });
  });
});
