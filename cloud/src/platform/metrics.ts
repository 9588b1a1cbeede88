/** Counters and gauges that modules offer; `/metrics` shows them in Prometheus' text format. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const registry = new Registry();

interface Description {
  /** Snake case, beginning with `fieldloop_`, the unit last, `_total` for counters. */
  readonly name: `fieldloop_${string}`;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** A number that only grows. The same name gives the same counter. */
export function counter({ name, help, labels = [] }: Description): Counter {
  const known = registry.getSingleMetric(name);
  if (known instanceof Counter) return known;
  return new Counter({ name, help, labelNames: [...labels], registers: [registry] });
}

/** How many observations fell below each bound. */
export function histogram(
  description: Description & { readonly buckets: readonly number[] },
): Histogram {
  const { name, help, labels = [], buckets } = description;
  const known = registry.getSingleMetric(name);
  if (known instanceof Histogram) return known;
  return new Histogram({
    name,
    help,
    labelNames: [...labels],
    buckets: [...buckets],
    registers: [registry],
  });
}

/** A number that is asked for when somebody looks. The newest `collect` of a name counts. */
export function gauge(
  description: Description & { readonly collect: (gauge: Gauge) => void | Promise<void> },
): Gauge {
  const { name, help, labels = [], collect } = description;
  registry.removeSingleMetric(name);
  return new Gauge({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    async collect() {
      await collect(this);
    },
  });
}

/** Everything as text, with what Node itself tells: memory, CPU, event loop. */
export async function metricsText(): Promise<{ readonly type: string; readonly text: string }> {
  if (registry.getSingleMetric("process_cpu_seconds_total") === undefined)
    collectDefaultMetrics({ register: registry });
  return { type: registry.contentType, text: await registry.metrics() };
}
