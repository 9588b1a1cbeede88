import type { CompileReport } from "@fieldloop/shared/manifest/compile-report";
import { formatBytes, formatPercent } from "../../../text/format.ts";
import { tr } from "../../../text/t-report.ts";
import { Card, Facts } from "../../../ui/card.tsx";
import { pointsText } from "./figures.ts";
import css from "./report.module.css";

/** What came of it, and what it was measured with. */
export function OutcomeCard({ report }: { readonly report: CompileReport }) {
  const { model, source, samples, machine, lossPointsMax, inputLeft } = report;
  const { calibration, evaluation } = samples;
  return (
    <Card title={tr("outcome.title")}>
      <p className={css.outcome}>{report.outcome}</p>
      <div className={css.facts}>
        <Facts
          items={[
            [
              tr("outcome.given"),
              tr("outcome.givenText", { file: model.file, size: formatBytes(model.bytes) }),
            ],
            [tr(`outcome.score.${source.kind}`), <Source key="source" report={report} />],
            [tr("outcome.loss"), tr("outcome.lossText", { points: pointsText(lossPointsMax) })],
          ]}
        />
        <Facts
          items={[
            [
              tr("outcome.samples"),
              samples.heldOut
                ? tr("outcome.samplesHeldOut", { calibration, evaluation })
                : tr("outcome.samplesShared", { calibration }),
            ],
            [
              tr("outcome.machine"),
              `${machine.processor} (${machine.features.join(", ") || tr("outcome.noFeatures")})`,
            ],
            [tr("outcome.input"), inputLeft ?? tr("outcome.inputInGraph")],
          ]}
        />
      </div>
    </Card>
  );
}

/** Agreement of a model with itself is always whole and would say nothing. */
function Source({ report: { source } }: { readonly report: CompileReport }) {
  const n = source.samples;
  return source.kind === "accuracy"
    ? tr("outcome.scoreText", { share: formatPercent(source.overall), n })
    : tr("outcome.agreementText", { n });
}
