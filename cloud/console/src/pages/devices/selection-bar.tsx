import { useMe, useRefusal } from "../../api/session.ts";
import type { Selection } from "../../table/use-selection.ts";
import { td } from "../../text/t-devices.ts";
import { Button } from "../../ui/button.tsx";
import css from "./devices-page.module.css";

/** What can be done with the selected devices. */
export function SelectionBar(props: {
  readonly selection: Selection;
  readonly onWorld: () => void;
}) {
  const me = useMe();
  const refusal = useRefusal("demo:world");
  const { ids, clear } = props.selection;
  return (
    <section className={css.bar} aria-label={td("devices.selected", { n: ids.size })}>
      <p role="status">{td("devices.selected", { n: ids.size })}</p>
      <Button
        onClick={props.onWorld}
        refusal={me?.installation.demo ? refusal : td("devices.world.onlyDemo")}
      >
        {td("devices.world")}
      </Button>
      <Button look="quiet" onClick={clear}>
        {td("devices.clearSelection")}
      </Button>
    </section>
  );
}
