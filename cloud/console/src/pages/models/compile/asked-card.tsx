import type { Compilation } from "@fieldloop/shared/contract/compilation";
import { formatDateTime } from "../../../text/format.ts";
import { tc } from "../../../text/t-compile.ts";
import { tm } from "../../../text/t-models.ts";
import { tr } from "../../../text/t-report.ts";
import { Card, Facts } from "../../../ui/card.tsx";
import { pointsText } from "../report/figures.ts";

/** What was asked for, by whom. */
export function AskedCard({ compilation }: { readonly compilation: Compilation }) {
  const { name, version, samples, kinds, lossPointsMax, createdAt, createdBy, finishedAt } =
    compilation;
  return (
    <Card title={tc("one.facts")}>
      <Facts
        items={[
          [tc("one.version"), `${name} ${version}`],
          [tc("one.pictures"), samples],
          [tc("one.files"), ["float32" as const, ...kinds].map((k) => tr(`kind.${k}`)).join(", ")],
          [tc("one.loss"), tc("one.points", { points: pointsText(lossPointsMax) })],
          [tc("one.asked"), `${formatDateTime(createdAt)} ${tm("model.by", { who: createdBy })}`],
          [tc("one.ended"), finishedAt === null ? tc("one.notEnded") : formatDateTime(finishedAt)],
        ]}
      />
    </Card>
  );
}
