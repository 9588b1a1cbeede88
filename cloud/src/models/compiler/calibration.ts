/** Shows samples to the float graph and keeps, in bounded memory, what every tensor took for values. */
import { createHistogram, type Histogram, observe } from "./calibrate/histogram.ts";
import { type CalibrationMethod, calibratedRange, type Range } from "./calibrate/range.ts";
import type { Sample } from "./evaluate.ts";
import { fillsOf, type Prepared } from "./prepare.ts";
import { lookInside } from "./quantise/expose.ts";
import { calibratedTensors } from "./quantise/static.ts";

/** What calibration saw, by tensor; ranges by any method follow from it. */
export type Observed = ReadonlyMap<string, Histogram>;

export async function observeTensors(
  prepared: Prepared,
  samples: readonly Sample[],
  progress?: (share: number) => void,
): Promise<Observed> {
  const { graph, graphInput, input } = prepared;
  const tensors = calibratedTensors(graph);
  const histograms = new Map(tensors.map((tensor) => [tensor, createHistogram()]));
  await lookInside({
    graph,
    input: graphInput,
    tensors,
    fills: fillsOf(samples, input),
    see: (tensor, values) => {
      const histogram = histograms.get(tensor);
      if (histogram !== undefined) observe(histogram, values);
    },
    ...(progress === undefined ? {} : { progress }),
  });
  return histograms;
}

/** @throws AppError `calibration-failed` where a tensor held something that is no finite number */
export function rangesBy(
  observed: Observed,
  method: CalibrationMethod,
): ReadonlyMap<string, Range> {
  return new Map(
    [...observed].map(([tensor, histogram]) => [
      tensor,
      calibratedRange(histogram, method, tensor),
    ]),
  );
}
