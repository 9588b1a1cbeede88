/** A drawn camera watched for a while: well, then with a fault. */
import { advance } from "../advance.ts";
import type { HealthEvent } from "../events.ts";
import { type HealthState, initialHealthState } from "../health-state.ts";
import { measure } from "../measure.ts";
import { type HealthReference, referenceOf } from "../reference.ts";
import { register } from "../register.ts";
import { defaultHealthSettings, type HealthSettings } from "../settings.ts";
import type { Thumbnail } from "../thumbnail.ts";
import { exposed, type Sensor, seen } from "./camera.ts";
import type { Fault } from "./faults.ts";
import { drawn, type Scene } from "./scene.ts";

export const minuteMs = 60_000;
/** An instant at noon UTC. */
export const noon = Date.UTC(2026, 5, 15, 12);

/** The defaults, but nothing waits longer than two minutes: what is judged stays the same. */
export const hasty: HealthSettings = {
  ...defaultHealthSettings,
  daylight: { fromMinute: 480, toMinute: 1080 },
  conditions: Object.fromEntries(
    Object.entries(defaultHealthSettings.conditions).map(([name, rule]) => [
      name,
      { ...rule, persistMs: 2 * minuteMs, clearMs: 2 * minuteMs },
    ]),
  ) as HealthSettings["conditions"], // the same keys
};

/** From a dozen thumbnails by day. */
export function commissioned(scene: Scene, sensor: Sensor): HealthReference {
  return referenceOf(
    Array.from({ length: 12 }, (_, i) =>
      exposed(seen(drawn(scene, 6.1 * i), {}), 1, sensor, scene.chroma),
    ),
  );
}

/** Frames of a camera with a fault, one a minute. */
export function faultyFrames(
  scene: Scene,
  fault: Fault,
  sensor: Sensor,
  count: number,
): readonly Thumbnail[] {
  const chroma = fault.signal === "infrared" ? 0.4 : scene.chroma * fault.light.gain ** 0.5;
  const frames: Thumbnail[] = [];
  const still = Array.from({ length: count }, (_, i) => scene.things(200.3 + i)).flat().length === 0; // biome-ignore format: one thought
  const picture = (i: number) => seen(drawn(scene, 200.3 + i), fault.optics, fault.light);
  const once = picture(0);
  for (let i = 0; i < count; i++) {
    const [first] = frames;
    if (first !== undefined && fault.signal === "frozen") frames.push(first);
    else if (first !== undefined && fault.signal === "re-encoded") {
      const luma = first.luma.map((level) => (sensor.random() < 0.01 ? Math.min(255, level + 1) : level)); // biome-ignore format: one thought
      frames.push({ ...first, luma });
    } else {
      const now = still || i === 0 ? once : picture(i);
      frames.push(exposed(now, fault.light.gain, sensor, chroma));
    }
  }
  return frames;
}

/** Events that a row of frames, one a minute, gives rise to. */
export function watched(
  frames: readonly Thumbnail[],
  reference: HealthReference,
  settings: HealthSettings,
  start: { readonly state: HealthState; readonly now: number } = {
    state: initialHealthState(),
    now: noon,
  },
) {
  let { state } = start;
  const events: HealthEvent[] = [];
  frames.forEach((frame, i) => {
    const features = measure(frame, frames[i - 1], reference);
    const registration = register(frame, reference, features.noise);
    const step = advance(state, { ...features, registration }, start.now + i * minuteMs, settings);
    state = step.state;
    events.push(...step.events);
  });
  return { state, events };
}
