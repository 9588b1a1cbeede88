import type { benchmarks } from "@fieldloop/shared/contract/benchmarks";
import type { EndpointCall } from "@fieldloop/shared/contract/endpoint";
import { AppError } from "@fieldloop/shared/errors";
import type { Platform } from "../../platform/context.ts";
import { endBenchmark, findBenchmark } from "./store.ts";

/**
 * Takes what a device measured. A second time changes nothing: the device may not have heard the
 * first answer.
 * @throws AppError 404 where this device was never asked for it
 */
export async function finishBenchmark(
  { db, live, now }: Platform,
  device: string,
  id: string,
  body: EndpointCall<typeof benchmarks.finish>["body"],
): Promise<void> {
  const known = await findBenchmark(db, device, id);
  if (known === undefined)
    throw new AppError({
      code: "no-such-benchmark",
      status: 404,
      message: `this device was not asked for the measurement ${id}; fetch the open ones again`,
    });
  await endBenchmark(db, id, body.kind === "done" ? body : { error: body.error }, now());
  live.publish({ kind: "model", name: known.name });
}
