import { problemsOf } from "../../api/client.ts";
import { FormFailure } from "../../forms/form-failure.tsx";
import { formatBytes, formatProgress } from "../../text/format.ts";
import { t } from "../../text/t.ts";
import { tm } from "../../text/t-models.ts";
import { Card } from "../../ui/card.tsx";
import { Meter } from "../../ui/meter.tsx";
import css from "./models.module.css";
import { ProblemList } from "./problem-list.tsx";
import type { PushStep } from "./push.ts";

/** How far it is, or what does not fit. */
export function UploadOutcome(props: {
  readonly step: PushStep | undefined;
  readonly error: unknown /** Said above what does not fit. */;
  readonly refused?: string;
}) {
  const { step, error } = props;
  if (step !== undefined)
    return (
      <Card title={tm("push.progress")}>
        <div className={css.steps}>
          <p role="status">{step.text}…</p>
          <Meter value={step.bytesDone} max={step.bytesTotal} label={tm("push.progress")}>
            {formatProgress(step.bytesDone, step.bytesTotal)},{" "}
            {t("word.of", {
              done: formatBytes(step.bytesDone),
              total: formatBytes(step.bytesTotal),
            })}
          </Meter>
        </div>
      </Card>
    );
  if (error === undefined) return null;
  return (
    <Card title={props.refused ?? tm("push.refused")}>
      <div className={css.steps}>
        <FormFailure error={error} />
        <ProblemList problems={problemsOf(error)} />
      </div>
    </Card>
  );
}
