import type { CompileReport, VariantReport } from "@fieldloop/shared/manifest/compile-report";
import { formatBytes, formatFineMs, formatPercent, formatShare } from "../../../text/format.ts";
import { tr } from "../../../text/t-report.ts";
import { Card } from "../../../ui/card.tsx";
import { type Column, DataTable } from "../../../ui/data-table.tsx";
import { Status } from "../../../ui/glyph.tsx";
import { pointsText } from "./figures.ts";
import css from "./report.module.css";

/** Every file that was made, published or not, with its figures. */
export function FilesCard({ report }: { readonly report: CompileReport }) {
  const { variants, notMade } = report;
  const refused = variants.filter(({ published }) => !published);
  return (
    <Card title={tr("files.title")} flush>
      <DataTable
        label={tr("files.title")}
        columns={columns(report)}
        rows={variants}
        rowKey={({ kind }) => kind}
        cards
      />
      <Reasons title={tr("files.refusedWhy")} files={refused} />
      <Reasons title={tr("files.notMade")} files={notMade} />
    </Card>
  );
}

function Reasons(props: {
  readonly title: string;
  readonly files: readonly Pick<VariantReport, "kind" | "because">[];
}) {
  if (props.files.length === 0) return null;
  return (
    <div className={css.notes}>
      <h3>{props.title}</h3>
      <ul className={css.reasons}>
        {props.files.map(({ kind, because }) => (
          <li key={kind}>{tr("files.because", { kind: tr(`kind.${kind}`), because })}</li>
        ))}
      </ul>
    </div>
  );
}

function FileName({ file: { kind, published } }: { readonly file: VariantReport }) {
  return (
    <Two
      first={<b>{tr(`kind.${kind}`)}</b>}
      second={
        <Status tone={published ? "ok" : "unknown"}>
          {published ? tr("files.published") : tr("files.refused")}
        </Status>
      }
    />
  );
}

function columns({ model, source }: CompileReport): readonly Column<VariantReport>[] {
  return [
    {
      title: tr("files.kind"),
      cell: (file) => <FileName file={file} />,
      line: true,
    },
    {
      title: tr("files.size"),
      end: true,
      cell: ({ bytes }) => (
        <Two
          first={formatBytes(bytes)}
          second={tr("files.ratio", { ratio: formatShare(bytes / Math.max(1, model.bytes)) })}
        />
      ),
    },
    {
      title: tr(`files.${source.kind}`),
      end: true,
      cell: ({ score, lossPoints }) => (
        <Two
          first={tr("files.change", {
            before: formatPercent(source.overall),
            after: formatPercent(score.overall),
          })}
          second={lostText(lossPoints)}
        />
      ),
    },
    { title: tr("files.latency"), end: true, cell: (file) => <Latency file={file} /> },
    { title: tr("files.speed"), end: true, cell: (file) => <Speed file={file} /> },
    { title: tr("files.temperature"), end: true, cell: (file) => <Temperature file={file} /> },
  ];
}

export function lostText(lossPoints: number): string {
  const points = pointsText(Math.abs(lossPoints));
  if (Number(points) === 0) return tr("files.lostNone");
  return lossPoints > 0 ? tr("files.lost", { points }) : tr("files.gained", { points });
}

/** A figure and, smaller, what goes with it. */
function Two(props: { readonly first: React.ReactNode; readonly second: React.ReactNode }) {
  return (
    <span className={css.two}>
      <span>{props.first}</span>
      <span className="muted">{props.second}</span>
    </span>
  );
}

function Latency({ file: { kind, latency } }: { readonly file: VariantReport }) {
  if (latency === null) return <NotMeasured kind={kind} />;
  const { subjectMs, referenceMs } = latency;
  const text = ({ p50, p95 }: typeof subjectMs) => ({
    p50: formatFineMs(p50),
    p95: formatFineMs(p95),
  });
  return (
    <Two
      first={tr("files.latencyThis", text(subjectMs))}
      second={tr("files.latencyFloat", text(referenceMs))}
    />
  );
}

function Speed({ file: { kind, latency } }: { readonly file: VariantReport }) {
  if (latency === null) return <NotMeasured kind={kind} />;
  return (
    <Two
      first={tr("files.speedRatio", { ratio: formatShare(latency.ratioMedian) })}
      second={tr("files.speedLower", { ratio: formatShare(latency.ratioLower90) })}
    />
  );
}

function NotMeasured({ kind }: { readonly kind: VariantReport["kind"] }) {
  return (
    <span className="muted">
      {kind === "float32" ? tr("files.reference") : tr("files.notMeasured")}
    </span>
  );
}

function Temperature({ file: { calibration } }: { readonly file: VariantReport }) {
  if (calibration === null) return <span className="muted">{tr("files.temperatureNone")}</span>;
  const { temperature, ece } = calibration;
  return (
    <Two
      first={formatShare(temperature)}
      second={tr("files.ece", {
        before: formatPercent(ece.before),
        after: formatPercent(ece.after),
      })}
    />
  );
}
