import type { CompileReport } from "@fieldloop/shared/manifest/compile-report";
import { tr } from "../../../text/t-report.ts";
import { Segments } from "../../../ui/tabs.tsx";
import { ClassesCard } from "./classes-card.tsx";
import { FilesCard } from "./files-card.tsx";
import { NoiseCard } from "./noise-card.tsx";
import { OperatorsCard } from "./operators-card.tsx";
import { OutcomeCard } from "./outcome-card.tsx";
import { PassesCard } from "./passes-card.tsx";
import { QuantisationCard } from "./quantisation-card.tsx";
import css from "./report.module.css";

export interface ReportViewProps {
  readonly report: CompileReport;
  /** Kind of the file that is looked at; the first one where it is none of the report's. */
  readonly file: string | undefined;
  readonly onFile: (kind: string) => void;
}

/** What compiling found out: the outcome, all files, and one of them in detail. */
export function ReportView({ report, file, onFile }: ReportViewProps) {
  const { variants, source } = report;
  const variant = variants.find(({ kind }) => kind === file) ?? variants[0];
  return (
    <div className={css.stack}>
      <OutcomeCard report={report} />
      <FilesCard report={report} />
      {variant === undefined ? null : (
        <section
          className={css.stack}
          aria-label={tr("file.title", { kind: tr(`kind.${variant.kind}`) })}
        >
          <div className={css.chooser}>
            <h2>{tr("file.title", { kind: tr(`kind.${variant.kind}`) })}</h2>
            <Segments
              label={tr("file.choose")}
              current={variant.kind}
              options={variants.map(({ kind }) => [kind, tr(`kind.${kind}`)] as const)}
              onChange={onFile}
            />
          </div>
          <p className="muted">
            {tr("file.because", { what: tr(`kindLong.${variant.kind}`), because: variant.because })}
          </p>
          <div className={css.pair}>
            <div className={css.stack}>
              <QuantisationCard quantisation={variant.quantisation} />
              <ClassesCard before={source} after={variant.score} />
            </div>
            <OperatorsCard operators={variant.operators} />
          </div>
          <NoiseCard key={variant.kind} layers={variant.quantisation?.layers ?? []} />
        </section>
      )}
      <PassesCard passes={report.passes} />
    </div>
  );
}
