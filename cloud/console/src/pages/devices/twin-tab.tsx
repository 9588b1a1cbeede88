import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { SettingsForm } from "../../forms/device-settings.tsx";
import { formatTenth } from "../../text/format.ts";
import { t } from "../../text/t.ts";
import { td } from "../../text/t-devices.ts";
import { Card, Facts } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Status } from "../../ui/glyph.tsx";
import css from "./device-page.module.css";
import { type TwinRow, twinRows } from "./twin-rows.ts";

const columns: readonly Column<TwinRow>[] = [
  { title: td("twin.field"), cell: ({ field }) => field },
  { title: td("twin.desired"), cell: ({ desired }) => <span className="mono">{desired}</span> },
  {
    title: td("twin.reported"),
    cell: ({ reported, isSame }) => (
      <Status tone={isSame ? "ok" : "warn"}>
        <span className="mono">{reported ?? t("word.notReported")}</span>,{" "}
        {isSame ? td("twin.same") : td("twin.pending")}
      </Status>
    ),
  },
];

/** What the device should be and what it says it is. */
export function TwinTab({
  device,
  etag,
}: {
  readonly device: DeviceDetail;
  readonly etag: string | undefined;
}) {
  return (
    <div className={css.split}>
      <div className={css.column}>
        <Card title={td("twin.diff")} flush>
          <DataTable
            label={td("twin.diff")}
            columns={columns}
            rows={twinRows(device)}
            rowKey={({ field }) => field}
          />
        </Card>
        <Runtime device={device} />
      </div>
      <Card title={td("twin.settings")}>
        <SettingsForm device={device} etag={etag} />
      </Card>
    </div>
  );
}

/** What runs on the device, as it last reported. */
function Runtime({ device: { reported } }: { readonly device: DeviceDetail }) {
  if (reported === null) return null;
  return (
    <Card title={td("twin.runtime")}>
      <Facts
        items={[
          ["agent", reported.agentVersion],
          ["profile", reported.profile],
          ["variant", reported.model?.variant ?? t("word.none")],
          ["provider", reported.model?.provider ?? t("word.none")],
          ["load", formatTenth(reported.vitals.loadAverage)],
          [
            td("twin.cameras"),
            reported.cameras
              .map(({ name, kind, state }) => `${name} (${kind}): ${state}`)
              .join("; ") || t("word.none"),
          ],
        ]}
      />
    </Card>
  );
}
