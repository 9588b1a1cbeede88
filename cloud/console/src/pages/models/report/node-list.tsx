import { useState } from "react";
import { t } from "../../../text/t.ts";
import { tr } from "../../../text/t-report.ts";
import { Button } from "../../../ui/button.tsx";
import css from "./report.module.css";

const firstMax = 5;
const moreMax = 200;

/** Names of nodes, with a reason where there is one: a few at first, since there may be thousands. */
export function NodeList(props: {
  readonly title: string;
  readonly nodes: readonly { readonly node: string; readonly why?: string }[];
}) {
  const [shown, setShown] = useState(firstMax);
  const rest = props.nodes.length - shown;
  return (
    <div className={css.nodes}>
      <h3>{props.title}</h3>
      <ul>
        {props.nodes.slice(0, shown).map(({ node, why }) => (
          <li key={`${node} ${why ?? ""}`}>
            <code>{node}</code>
            {why === undefined ? null : <span className="muted">{why}</span>}
          </li>
        ))}
      </ul>
      {rest > 0 ? (
        <Button
          look="quiet"
          label={`${props.title}: ${t("word.more")}`}
          onClick={() => setShown(shown + moreMax)}
        >
          {tr("ops.more", { n: rest })}
        </Button>
      ) : null}
    </div>
  );
}
