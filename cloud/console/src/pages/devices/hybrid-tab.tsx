import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { useNow } from "../../hooks/use-now.ts";
import {
  formatBytes,
  formatDuration,
  formatMs,
  formatPercent,
  formatShare,
  formatWhole,
} from "../../text/format.ts";
import { tv } from "../../text/t-cameras.ts";
import { Card, Facts } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Status } from "../../ui/glyph.tsx";
import { Meter } from "../../ui/meter.tsx";
import { Empty } from "../../ui/states.tsx";
import css from "./device-page.module.css";
import {
  type BinRow,
  binRows,
  type CountRow,
  callRows,
  type Routing,
  reasonRows,
} from "./hybrid-rows.ts";

/** How often a device asks the cloud's larger model, why, and what came of it. */
export function HybridTab({ device: { reported } }: { readonly device: DeviceDetail }) {
  const routing = reported?.routing ?? null;
  if (reported === null || routing === null) {
    return (
      <Empty title={tv("hybrid.none")}>
        <p>{tv("hybrid.noneHint")}</p>
      </Empty>
    );
  }
  return (
    <div className={css.column}>
      <StateCard routing={routing} reportedAt={reported.at} />
      <div className={css.split}>
        <Counts title={tv("hybrid.why")} head={tv("hybrid.reason")} rows={reasonRows(routing)} />
        <Counts title={tv("hybrid.calls")} head={tv("hybrid.outcome")} rows={callRows(routing)} />
      </div>
      <Hardness routing={routing} />
    </div>
  );
}

function StateCard(props: { readonly routing: Routing; readonly reportedAt: number }) {
  const { routing, reportedAt } = props;
  const now = useNow();
  const { breaker, callMs, bytesSent, bytesReceived } = routing;
  const shareOf = (n: number, of: number) =>
    tv("hybrid.share", { n, of, percent: formatPercent(of === 0 ? 0 : n / of) });
  return (
    <Card title={tv("hybrid.state")}>
      <Facts
        items={[
          [tv("hybrid.mode"), routing.mode],
          [
            tv("hybrid.model"),
            <span key="model" className="mono">
              {routing.cloudModel}
            </span>,
          ],
          [tv("hybrid.breaker"), <Breaker key="breaker" state={breaker} />],
          [tv("hybrid.offload"), shareOf(routing.offloaded, routing.frames)],
          [tv("hybrid.agreement"), shareOf(routing.agreed, routing.compared)],
          [
            tv("hybrid.latency"),
            callMs === null
              ? tv("hybrid.noCall")
              : tv("hybrid.ms", { p50: formatMs(callMs.p50), p95: formatMs(callMs.p95) }),
          ],
          [
            tv("hybrid.bytes"),
            tv("hybrid.bytesText", {
              sent: formatBytes(bytesSent),
              received: formatBytes(bytesReceived),
            }),
          ],
        ]}
      />
      <p className="muted">{tv("hybrid.since", { age: formatDuration(now - reportedAt) })}</p>
    </Card>
  );
}

function Breaker({ state }: { readonly state: string }) {
  if (state === "closed") return <Status tone="ok">{tv("hybrid.breaker.closed")}</Status>;
  return state === "open" ? (
    <Status tone="warn">{tv("hybrid.breaker.open")}</Status>
  ) : (
    <Status tone="info">{tv("hybrid.breaker.half-open")}</Status>
  );
}

function Counts(props: {
  readonly title: string;
  readonly head: string;
  readonly rows: readonly CountRow[];
}) {
  const { title, head, rows } = props;
  const columns: readonly Column<CountRow>[] = [
    { title: head, cell: ({ tone, text }) => <Status tone={tone}>{text}</Status>, wide: true },
    { title: tv("hybrid.frames"), cell: ({ count }) => formatWhole(count), end: true },
  ];
  return (
    <Card title={title} flush>
      <DataTable label={title} columns={columns} rows={rows} rowKey={({ key }) => key} />
    </Card>
  );
}

function Hardness({ routing }: { readonly routing: Routing }) {
  const rows = binRows(routing);
  const most = Math.max(1, ...rows.map(({ frames }) => frames));
  const columns: readonly Column<BinRow>[] = [
    {
      title: tv("hybrid.bin"),
      cell: ({ from, to }) =>
        tv("hybrid.binText", { from: formatShare(from), to: formatShare(to) }),
      line: true,
    },
    {
      title: tv("hybrid.frames"),
      cell: ({ frames }) => (
        <Meter value={frames} max={most} label={tv("hybrid.frames")}>
          {formatWhole(frames)}
        </Meter>
      ),
      wide: true,
    },
    { title: tv("hybrid.asked"), cell: ({ offloaded }) => formatWhole(offloaded), end: true },
    {
      title: tv("hybrid.agreed"),
      cell: ({ agreement }) => (agreement === null ? "–" : formatPercent(agreement)),
      end: true,
    },
  ];
  const title = tv("hybrid.hardness");
  return (
    <Card title={title} flush>
      <DataTable label={title} columns={columns} rows={rows} rowKey={({ from }) => String(from)} />
      <p className={`muted ${css.note}`}>{tv("hybrid.hardnessHint")}</p>
    </Card>
  );
}
