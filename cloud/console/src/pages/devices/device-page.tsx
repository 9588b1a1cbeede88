import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { statusOf } from "../../api/client.ts";
import { deviceQuery } from "../../api/queries.ts";
import { useMe, useRefusal } from "../../api/session.ts";
import { DeviceStatusWord, placeText } from "../../components/device-cells.tsx";
import { Page } from "../../components/page.tsx";
import { WorldDialog } from "../../components/world-dialog.tsx";
import { useLiveFocus } from "../../hooks/use-live.ts";
import { t } from "../../text/t.ts";
import { td } from "../../text/t-devices.ts";
import { Button } from "../../ui/button.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { Tabs } from "../../ui/tabs.tsx";
import { CameraTab } from "./camera-tab.tsx";
import { DeviceHead } from "./device-head.tsx";
import { EventsTab } from "./events-tab.tsx";
import { HybridTab } from "./hybrid-tab.tsx";
import { LiveTab } from "./live-tab.tsx";
import { PipelineTab } from "./pipeline-tab.tsx";
import { RemoveDialog } from "./remove-dialog.tsx";
import { ResultsTab } from "./results-tab.tsx";
import { TwinTab } from "./twin-tab.tsx";

const tabs = ["live", "camera", "pipeline", "hybrid", "results", "events", "twin"] as const;
type Tab = (typeof tabs)[number];

/** One device: is it healthy; if not, why; what changed just before. */
export function DevicePage() {
  const { id } = useParams({ from: "/inside/devices/$id" });
  const query = useQuery(deviceQuery(id));
  useLiveFocus(id);
  const device = query.data?.value;
  return (
    <Page
      key={id}
      title={id}
      aside={
        device === undefined ? undefined : (
          <>
            <DeviceStatusWord device={device} />
            {placeText(device) === undefined ? null : <span>{placeText(device)}</span>}
            <span>{td(`device.${device.role}`)}</span>
          </>
        )
      }
      actions={
        device === undefined ? undefined : <Actions device={device} etag={query.data?.etag} />
      }
    >
      {statusOf(query.error) === 404 ? (
        <Gone id={id} />
      ) : (
        <Loaded query={query} lines={8}>
          {({ value, etag }) => (
            <>
              <DeviceHead device={value} />
              <Parts device={value} etag={etag} />
            </>
          )}
        </Loaded>
      )}
    </Page>
  );
}

function Parts({
  device,
  etag,
}: {
  readonly device: DeviceDetail;
  readonly etag: string | undefined;
}) {
  const search = useSearch({ from: "/inside/devices/$id" });
  const navigate = useNavigate({ from: "/devices/$id" });
  const ofCameras: readonly Tab[] = ["camera", "pipeline", "hybrid"];
  const possible = tabs.filter((name) => device.role === "camera" || !ofCameras.includes(name));
  const tab = possible.find((name) => name === search.tab) ?? "live";
  return (
    <Tabs<Tab>
      label={td("device.tabs")}
      current={tab}
      tabs={possible.map((name) => [name, td(`device.tab.${name}`)] as const)}
      onChange={(next) =>
        void navigate({
          search: ({ range }) => ({
            ...(range === undefined ? {} : { range }),
            ...(next === "live" ? {} : { tab: next }),
          }),
        })
      }
    >
      {tab === "live" ? <LiveTab device={device} /> : null}
      {tab === "camera" ? <CameraTab device={device} /> : null}
      {tab === "pipeline" ? <PipelineTab device={device} /> : null}
      {tab === "hybrid" ? <HybridTab device={device} /> : null}
      {tab === "results" ? <ResultsTab device={device} /> : null}
      {tab === "events" ? <EventsTab id={device.id} /> : null}
      {tab === "twin" ? <TwinTab device={device} etag={etag} /> : null}
    </Tabs>
  );
}

function Actions({
  device,
  etag,
}: {
  readonly device: DeviceDetail;
  readonly etag: string | undefined;
}) {
  const me = useMe();
  const [dialog, setDialog] = useState<"world" | "remove" | undefined>(undefined);
  const mayRemove = useRefusal("devices:remove");
  const mayChange = useRefusal("demo:world");
  const close = () => setDialog(undefined);
  return (
    <>
      {me?.installation.demo && device.role === "camera" ? (
        <Button onClick={() => setDialog("world")} refusal={mayChange}>
          {td("devices.world")}
        </Button>
      ) : null}
      <Button look="danger" onClick={() => setDialog("remove")} refusal={mayRemove}>
        {td("device.remove")}
      </Button>
      {dialog === "world" ? <WorldDialog devices={[device.id]} onClose={close} /> : null}
      {dialog === "remove" ? <RemoveDialog id={device.id} etag={etag} onClose={close} /> : null}
    </>
  );
}

function Gone({ id }: { readonly id: string }) {
  return (
    <Empty title={td("device.gone", { id })}>
      <p>{td("device.goneHint")}</p>
      <Link to="/devices">{t("state.notFoundBack")}</Link>
    </Empty>
  );
}
