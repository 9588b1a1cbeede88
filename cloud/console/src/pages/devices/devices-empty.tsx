import { Link } from "@tanstack/react-router";
import { enrolCommand } from "../../components/enrol-command.ts";
import { t } from "../../text/t.ts";
import { Empty } from "../../ui/states.tsx";

/** A fleet without devices: the command that adds the first. */
export function NoDevices() {
  return (
    <Empty title={t("devices.none")} command={enrolCommand(window.location.origin, "TOKEN")}>
      <p>{t("devices.noneHint")}</p>
      <p>
        <Link to="/enrolment">{t("devices.noneToken")}</Link>
      </p>
    </Empty>
  );
}

/** A filter that matches nothing. */
export function NoMatch({ q }: { readonly q: string }) {
  return (
    <Empty title={t("devices.noMatch", { q })}>
      <p>{t("devices.noMatchHint")}</p>
      <p>
        <Link to="/devices" search={{}}>
          {t("devices.clear")}
        </Link>
      </p>
    </Empty>
  );
}
