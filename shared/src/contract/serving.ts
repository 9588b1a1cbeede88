/** Model serving for devices: the Open Inference Protocol V2, as far as hybrid inference needs it. */
import * as z from "zod/mini";
import { semver, slug } from "../ids.ts";
import { endpoint } from "./endpoint.ts";

/**
 * Body and reply are the protocol's own: JSON, or JSON and bytes with the header
 * `Inference-Header-Content-Length`; failures are `{"error": …}`.
 */
export const serving = {
  infer: endpoint({
    method: "POST",
    path: "/v2/models/:name/infer",
    summary: "Ask a model's promoted version about a picture (Open Inference Protocol V2)",
    access: "device",
    params: z.object({ name: slug }),
    reply: z.unknown(),
    rawReply: "application/json",
  }),
  inferVersion: endpoint({
    method: "POST",
    path: "/v2/models/:name/versions/:version/infer",
    summary: "Ask one version of a model about a picture (Open Inference Protocol V2)",
    access: "device",
    params: z.object({ name: slug, version: semver }),
    reply: z.unknown(),
    rawReply: "application/json",
  }),
};
