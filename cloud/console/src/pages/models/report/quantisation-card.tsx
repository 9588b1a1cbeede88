import type { QuantisationReport } from "@fieldloop/shared/manifest/compile-report";
import { tr } from "../../../text/t-report.ts";
import { Card, Facts } from "../../../ui/card.tsx";
import { Status } from "../../../ui/glyph.tsx";
import { NodeList } from "./node-list.tsx";
import css from "./report.module.css";

/** How an 8-bit file was made. */
export function QuantisationCard(props: { readonly quantisation: QuantisationReport | null }) {
  const { quantisation } = props;
  if (quantisation === null)
    return (
      <Card title={tr("quant.title")}>
        <p className="muted">{tr("quant.none")}</p>
      </Card>
    );
  const { calibration, helped, trials, float, left, notFused } = quantisation;
  return (
    <Card title={tr("quant.title")}>
      <div className={css.quantisation}>
        <Facts
          items={[
            [tr("quant.ranges"), tr(`quant.ranges.${calibration}`)],
            [
              tr("quant.helped"),
              helped.map((one) => tr(`quant.helped.${one}`)).join(", ") || tr("quant.helpedNone"),
            ],
            [tr("quant.trials"), tr("quant.trialsText", { n: trials })],
            ...(float.length === 0 ? [[tr("quant.float"), tr("quant.floatNone")] as const] : []),
            ...(left.length === 0 ? [[tr("quant.left"), tr("quant.leftNone")] as const] : []),
          ]}
        />
        {float.length === 0 ? null : (
          <NodeList title={tr("quant.float")} nodes={float.map((node) => ({ node }))} />
        )}
        {left.length === 0 ? null : (
          <NodeList
            title={tr("quant.left")}
            nodes={left.map(({ node, opType, why }) => ({ node, why: `${opType}: ${why}` }))}
          />
        )}
        {notFused.length === 0 ? null : (
          <div className={css.warning}>
            <Status tone="warn">{tr("quant.notFused", { n: notFused.length })}</Status>
            <NodeList title={tr("quant.notFusedList")} nodes={notFused.map((node) => ({ node }))} />
          </div>
        )}
      </div>
    </Card>
  );
}
