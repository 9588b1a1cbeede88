/** Pictures and bytes of an hour and a day. Pure; the state is plain JSON. */
import { count } from "@fieldloop/shared/ids";
import type { SampleSettings } from "@fieldloop/shared/samples/settings";
import * as z from "zod/mini";

const period = z.object({
  /** Hours or days since 1970. */
  number: z.int(),
  count,
  bytes: count,
});
export const quotaState = z.object({ hour: period, day: period });
export type QuotaState = z.infer<typeof quotaState>;

const [hourMs, dayMs] = [3_600_000, 86_400_000];

export function newQuota(): QuotaState {
  const none = { number: 0, count: 0, bytes: 0 };
  return { hour: none, day: none };
}

/**
 * Asks for one picture. A clock that is set, forwards or back, begins a new period: it never locks
 * anything for longer than that.
 */
export function admit(
  state: QuotaState,
  bytes: number,
  nowMs: number,
  { perHour, perDay }: Pick<SampleSettings, "perHour" | "perDay">,
): { readonly admitted: boolean; readonly state: QuotaState } {
  const hour = current(state.hour, nowMs, hourMs);
  const day = current(state.day, nowMs, dayMs);
  const fits = (used: QuotaState["hour"], most: SampleSettings["perHour"]): boolean =>
    used.count + 1 <= most.countMax && used.bytes + bytes <= most.bytesMax;
  if (!fits(hour, perHour) || !fits(day, perDay)) return { admitted: false, state: { hour, day } };
  const more = (used: QuotaState["hour"]) => ({
    ...used,
    count: used.count + 1,
    bytes: used.bytes + bytes,
  });
  return { admitted: true, state: { hour: more(hour), day: more(day) } };
}

function current(used: QuotaState["hour"], nowMs: number, lengthMs: number): QuotaState["hour"] {
  const number = Math.floor(nowMs / lengthMs);
  return used.number === number ? used : { number, count: 0, bytes: 0 };
}
