import type { AccuracyPoint } from "@fieldloop/shared/contract/devices";
import { sql } from "kysely";
import type { Db } from "../../platform/db.ts";
import type { SeriesRange } from "./series.ts";

/** How far a device's clock may be ahead, and how long a result may wait for its way here. */
const futureMsMax = 5 * 60_000;
const pastMsMax = 400 * 86_400_000;

/**
 * Labelled results of a device captured in [from, to), by step, oldest first; a step in which
 * nothing was labelled is absent. Those count that `accuracyOf` counts: reported by chance or
 * without exception. A result stands at its capture time where the device's clock is plausible,
 * else at its arrival.
 */
export async function accuracySteps(
  db: Db,
  device: string,
  { from, to, stepMs }: SeriesRange,
): Promise<AccuracyPoint[]> {
  const { rows } = await sql<AccuracyPoint>`
    select placed.at / ${stepMs}::bigint * ${stepMs}::bigint as at, count(*) as labelled,
      count(*) filter (where placed.agrees) as agreed
    from (
      select r.label = l.label as agrees,
        case when r.at <= received.ms + ${futureMsMax} and r.at >= received.ms - ${pastMsMax}
          then r.at else received.ms end as at
      from results r
        join labels l on l.device = r.device and l.frame = r.frame
        cross join lateral (select (extract(epoch from r.received_at) * 1000)::bigint as ms) received
      where r.device = ${device} and r.reason in ('sampled', 'all') and r.label is not null
        and r.received_at >= ${new Date(from - futureMsMax)}
    ) placed
    where placed.at >= ${from}::float8 and placed.at < ${to}::float8
    group by 1 order by 1`.execute(db);
  return rows;
}
