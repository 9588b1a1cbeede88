import { assert } from "@fieldloop/shared/errors";
import pg from "pg";

/** What the database holds of one device's single results. */
export interface Tally {
  /** Result rows. */
  readonly rows: number;
  /** Different frames among them. */
  readonly frames: number;
  /** Results the telemetry windows counted, told by the agent independently of the rows. */
  readonly counted: number;
  /** Numbers given to rows of any kind: the highest, how many rows, how many different. */
  readonly highest: number;
  readonly numbers: number;
  readonly different: number;
}

const question = `
with numbered as (
  select epoch, seq from results where device = $1
  union all select epoch, seq from windows where device = $1
  union all select epoch, seq from events where device = $1
)
select
  (select count(*) from results where device = $1)::int as rows,
  (select count(distinct frame) from results where device = $1)::int as frames,
  (select coalesce(sum(results), 0) from windows where device = $1)::int as counted,
  (select coalesce(sum(top), 0) from (select max(seq) as top from numbered group by epoch) t)::int as highest,
  (select count(*) from numbered)::int as numbers,
  (select count(*) from (select distinct epoch, seq from numbered) d)::int as different`;

/** Counts in the database itself, past every interface of the product. */
export async function tally(databaseUrl: string, device: string): Promise<Tally> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<Tally>(question, [device]);
    assert(rows[0] !== undefined, "an aggregate has one row");
    return rows[0];
  } finally {
    await client.end();
  }
}

/** Results an agent has made since it started, from its own `/metrics`. */
export async function resultsMade(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const line = /^fieldloop_agent_frames_total\{[^}]*outcome="result"[^}]*\} (\d+)$/m.exec(text);
  return Number(line?.[1] ?? 0);
}
