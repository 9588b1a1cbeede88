/** The cloud's larger model behind the Open Inference Protocol V2. */
import { AppError } from "@fieldloop/shared/errors";
import type { ModelTask } from "@fieldloop/shared/manifest/model";
import { batchLimits, type Detection } from "@fieldloop/shared/messages/telemetry";
import type { Decision } from "@fieldloop/shared/vision/decide";
import { type Box, clamp01 } from "@fieldloop/shared/vision/fit";
import type { InferenceResponse } from "@fieldloop/shared-node/wire/open-inference";
import type { OpenInferenceClient } from "@fieldloop/shared-node/wire/open-inference-client";
import type { CloudPort } from "./cloud.ts";

/** @param options the client is closed by whoever made it */
export function openInferenceCloud(options: {
  readonly client: Pick<OpenInferenceClient, "infer">;
  readonly model: string;
  readonly version?: string;
  readonly task: ModelTask;
}): CloudPort {
  const { client, model, version, task } = options;
  return {
    ask: async ({ picture, key, timeoutMs, region }, signal) => {
      const { response, sent, received } = await client.infer({
        model,
        ...(version !== undefined && { version }),
        image: picture,
        idempotencyKey: key,
        timeoutMs,
        signal,
      });
      return {
        decision: decisionOf(response, task, region),
        model: `${response.model}@${response.version ?? version ?? "latest"}`,
        traffic: { sent, received },
      };
    },
  };
}

/**
 * What a response says about the frame.
 * @param region the part of the frame that was sent, as fractions; the whole where it is left out
 * @throws AppError `inference-malformed` where it is an answer to another task
 */
export function decisionOf(
  { labels, scores, boxes }: InferenceResponse,
  task: ModelTask,
  region: Box = [0, 0, 1, 1],
): Decision {
  const best = scores.indexOf(Math.max(...scores));
  if (task === "classification") {
    const label = labels[best];
    if (label === undefined)
      throw other("the response has no label; a classifier gives at least one");
    return { label, confidence: scores[best] ?? 0, detections: null };
  }
  if (boxes === null) throw other("the response has no boxes; a detector gives one for each label");
  const detections: Detection[] = labels.map((label, i) => ({
    label,
    score: scores[i] ?? 0,
    box: inFrame(boxes[i] ?? [0, 0, 0, 0], region),
  }));
  const kept = detections.sort((a, b) => b.score - a.score).slice(0, batchLimits.detectionsMax);
  return { label: null, confidence: kept[0]?.score ?? 0, detections: kept };
}

function inFrame([x1, y1, x2, y2]: Box, [left, top, right, bottom]: Box): Detection["box"] {
  const x = (fraction: number) => left + clamp01(fraction) * (right - left);
  const y = (fraction: number) => top + clamp01(fraction) * (bottom - top);
  return [x(x1), y(y1), x(x2), y(y2)];
}

function other(message: string): AppError {
  return new AppError({ code: "inference-malformed", message });
}
