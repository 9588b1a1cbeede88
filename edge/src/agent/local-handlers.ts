/** What the local interface shows and does, for the agent. */
import type { LocalApiHandlers } from "../local-api/server.ts";
import { readObservations } from "../perception/observations/observation.ts";
import type { Agent } from "./agent.ts";
import { metricsOf, problemsOf, statusOf } from "./status.ts";

/** Of a picture that somebody on the device looks at. */
const snapshotSize = { widthMax: 1280, bytesMax: 512 * 1024 };

export function localHandlers(agent: Agent): LocalApiHandlers {
  // The eye is looked up with each call: the interface is put together beside it.
  return {
    status: () => statusOf(agent),
    results: () => agent.recent.list(),
    snapshot: async (camera) => (await agent.eye.snapshot(camera, snapshotSize))?.jpeg,
    infer: (image) => agent.eye.infer(image),
    push: (camera, image, id) => agent.eye.push(camera, image, id),
    watch: (camera) => agent.eye.watchOf(camera),
    observe: (body) => ({ accepted: agent.eye.external.observe(readObservations(body)) }),
    metrics: () => metricsOf(agent),
    problems: () => problemsOf(agent),
    cameras: agent.options.config.cameras.map(({ name }) => name),
  };
}
