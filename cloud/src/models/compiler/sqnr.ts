/**
 * Signal-to-quantisation-noise ratios, 20 · log10(‖x‖ / ‖x - y‖) in decibels: where a quantised model
 * departs from its float model, and what each node does alone.
 */
import { encodeModel } from "@fieldloop/shared-node/onnx/codec";
import { modelOf } from "@fieldloop/shared-node/onnx/graph";
import { openSession } from "@fieldloop/shared-node/session";
import type { Range } from "./calibrate/range.ts";
import type { Sample } from "./evaluate.ts";
import { fillsOf, type Prepared } from "./prepare.ts";
import { bufferOf, lookInside } from "./quantise/expose.ts";
import { roleOf } from "./quantise/operators.ts";
import { keyOf } from "./quantise/place.ts";
import { type Quantised, quantiseStatic } from "./quantise/static.ts";

/** A tensor that is never wrong has no noise to divide by. */
export const sqnrDbMax = 200;
const samplesForLayers = 4;
const samplesForRank = 16;

export interface LayerNoise {
  /** The node's name. */
  readonly node: string;
  readonly opType: string;
  readonly sqnrDb: number;
}

/** Sums of one comparison, added to as numbers come. */
export interface NoiseSum {
  signal: number;
  noise: number;
}

export function addNoise(sum: NoiseSum, exact: ArrayLike<number>, found: ArrayLike<number>): void {
  for (let i = 0; i < exact.length; i++) {
    const value = exact[i] ?? 0;
    const error = value - (found[i] ?? 0);
    sum.signal += value * value;
    sum.noise += error * error;
  }
}

/** -sqnrDbMax where there is noise and no signal. */
export function sqnrDb({ signal, noise }: NoiseSum): number {
  if (noise === 0) return sqnrDbMax;
  const db = 10 * Math.log10(signal / noise);
  return Math.min(sqnrDbMax, Math.max(-sqnrDbMax, db));
}

/** Noise of every quantised tensor, all nodes before it quantised too, in the order of the graph. */
export async function layerNoise(
  prepared: Prepared,
  quantised: Quantised,
  samples: readonly Sample[],
): Promise<readonly LayerNoise[]> {
  const { plan, dequantised } = quantised;
  const fills = fillsOf(samples.slice(0, samplesForLayers), prepared.input);
  const tensors = [...plan.pairs.keys()].filter((name) => name !== prepared.graphInput.name);
  const exact = new Map<string, Float32Array[]>();
  await lookInside({
    graph: prepared.graph,
    input: prepared.graphInput,
    tensors,
    fills,
    see: (tensor, values) => {
      exact.set(tensor, [...(exact.get(tensor) ?? []), values.slice()]);
    },
  });
  const behind = new Map(tensors.map((tensor) => [dequantised.get(tensor) ?? tensor, tensor]));
  const sums = new Map(tensors.map((tensor) => [tensor, { signal: 0, noise: 0 }]));
  await lookInside({
    graph: quantised.graph,
    input: prepared.graphInput,
    tensors: [...behind.keys()],
    fills,
    see: (name, values, sample) => {
      const tensor = behind.get(name) ?? "";
      const sum = sums.get(tensor);
      const other = exact.get(tensor)?.[sample];
      if (sum !== undefined && other !== undefined) addNoise(sum, other, values);
    },
  });
  const last = new Map([...plan.absorbed].map(([made, activation]) => [made, activation]));
  return prepared.graph.nodes.flatMap((node) => {
    const key = keyOf(node);
    const sum = sums.get(last.get(key) ?? key);
    if (sum === undefined || !plan.quantised.has(key)) return [];
    return [{ node: node.name, opType: node.opType, sqnrDb: sqnrDb(sum) }];
  });
}

/** Keys of the nodes that can return to float, the one that does most harm alone first. */
export async function rankByHarm(
  prepared: Prepared,
  ranges: ReadonlyMap<string, Range>,
  options: {
    readonly reduced: boolean;
    readonly samples: readonly Sample[];
    readonly progress?: (share: number) => void;
  },
): Promise<readonly string[]> {
  const { graph } = prepared;
  const { plan } = quantiseStatic(graph, ranges);
  const candidates = graph.nodes.filter(
    (node) => plan.quantised.has(keyOf(node)) && roleOf(node) !== "passing",
  );
  const fills = fillsOf(options.samples.slice(0, samplesForRank), prepared.input);
  const exact = await outputsOf(prepared, prepared.bytes, fills);
  const ranked: { key: string; db: number }[] = [];
  for (const candidate of candidates) {
    const others = [...plan.quantised].filter((key) => key !== keyOf(candidate));
    const alone = quantiseStatic(graph, ranges, {
      excluded: new Set(others),
      reduced: options.reduced,
    });
    const found = await outputsOf(prepared, encodeModel(modelOf(alone.graph)), fills);
    // Outputs differ in size, so the worst of them counts: boxes must not hide what scores suffer.
    const ratios = [...exact].map(([name, values]) => {
      const sum = { signal: 0, noise: 0 };
      for (const [i, one] of values.entries()) addNoise(sum, one, found.get(name)?.[i] ?? []);
      return sqnrDb(sum);
    });
    ranked.push({ key: keyOf(candidate), db: Math.min(...ratios) });
    options.progress?.(ranked.length / candidates.length);
  }
  return ranked.sort((a, b) => a.db - b.db).map(({ key }) => key);
}

async function outputsOf(
  { graphInput }: Prepared,
  bytes: Uint8Array,
  fills: ReturnType<typeof fillsOf>,
): Promise<ReadonlyMap<string, readonly Float32Array[]>> {
  const session = await openSession({
    model: { kind: "bytes", bytes, name: "the model" },
    providers: ["cpu"],
    intraOpThreads: 1,
    input: { ...graphInput, data: bufferOf(graphInput) },
  });
  const found = new Map<string, Float32Array[]>();
  try {
    for (const fill of fills) {
      await session.run(fill, (outputs) => {
        for (const [name, { data }] of Object.entries(outputs))
          found.set(name, [...(found.get(name) ?? []), data.slice()]);
      });
    }
    return found;
  } finally {
    await session.release();
  }
}
