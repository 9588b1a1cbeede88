import { Link } from "@tanstack/react-router";
import { enrolCommand } from "../../components/enrol-command.ts";
import { td } from "../../text/t-devices.ts";
import { Empty } from "../../ui/states.tsx";

/** A fleet without devices: the command that adds the first. */
export function NoDevices() {
  return (
    <Empty title={td("devices.none")} command={enrolCommand(window.location.origin, "TOKEN")}>
      <p>{td("devices.noneHint")}</p>
      <p>
        <Link to="/enrolment">{td("devices.noneToken")}</Link>
      </p>
    </Empty>
  );
}

/** A filter that matches nothing. */
export function NoMatch({ q }: { readonly q: string }) {
  return (
    <Empty title={td("devices.noMatch", { q })}>
      <p>{td("devices.noMatchHint")}</p>
      <p>
        <Link to="/devices" search={{}}>
          {td("devices.clear")}
        </Link>
      </p>
    </Empty>
  );
}
