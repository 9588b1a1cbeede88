import { type DeviceSummary, deviceStatuses } from "@fieldloop/shared/contract/devices";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { fleetQuery } from "../../api/queries.ts";
import { isUpdating, statusTone } from "../../components/device-status.ts";
import { formatWhole } from "../../text/format.ts";
import { td } from "../../text/t-devices.ts";
import { Glyph } from "../../ui/glyph.tsx";
import css from "./devices-page.module.css";

/** How many devices there are in each status; each number leads to those devices. */
export function StatusCounts({
  q,
  matching,
}: {
  readonly q: string;
  readonly matching: number | undefined;
}) {
  const { data: fleet } = useQuery(fleetQuery);
  if (fleet === undefined) return null;
  const by = countBy(fleet.items);
  const isPartial = fleet.items.length < fleet.total;
  const isOther = q !== "" && !deviceStatuses.some((status) => status === q);
  return (
    <>
      <nav className={css.counts} aria-label={td("devices.counts")}>
        <Link to="/devices" search={{}} className={css.count} {...current(q === "")}>
          <b>{formatWhole(fleet.total)}</b> {td("devices.all")}
        </Link>
        {deviceStatuses
          .filter((status) => by.status[status] > 0 || q === status)
          .map((status) => (
            <Link
              key={status}
              to="/devices"
              search={{ q: status }}
              className={css.count}
              {...current(q === status)}
            >
              <Glyph tone={statusTone[status]} />
              <b>{formatWhole(by.status[status])}</b> {td(`status.${status}`)}
            </Link>
          ))}
        {by.updating > 0 ? (
          <span className={css.count}>
            <Glyph tone="info" />
            <b>{formatWhole(by.updating)}</b> {td("devices.updating")}
          </span>
        ) : null}
      </nav>
      {isPartial ? (
        <span>{td("devices.partial", { n: fleet.items.length, total: fleet.total })}</span>
      ) : null}
      {isOther && matching !== undefined ? (
        <span className={css.filter} role="status">
          {td("devices.filter", { q })} ·{" "}
          {td("devices.matching", { n: matching, total: fleet.total })}
          <Link to="/devices" search={{}}>
            {td("devices.clear")}
          </Link>
        </span>
      ) : null}
    </>
  );
}

const current = (isCurrent: boolean) => (isCurrent ? { "aria-current": "true" as const } : {});

function countBy(items: readonly DeviceSummary[]) {
  const status = { pending: 0, online: 0, stale: 0, offline: 0 };
  let updating = 0;
  for (const item of items) {
    status[item.status] += 1;
    if (isUpdating(item.update)) updating += 1;
  }
  return { status, updating };
}
