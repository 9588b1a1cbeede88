import { type DeviceDetail, devices } from "@fieldloop/shared/contract/devices";
import { can } from "@fieldloop/shared/lifecycle/device";
import type { ReportedState } from "@fieldloop/shared/messages/twin";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../api/client.ts";
import { useRefusal } from "../../api/session.ts";
import { Confirm } from "../../components/confirm.tsx";
import { useNow } from "../../hooks/use-now.ts";
import { formatDateTime, formatDuration } from "../../text/format.ts";
import { td } from "../../text/t-devices.ts";
import { Button } from "../../ui/button.tsx";
import { Card, Facts } from "../../ui/card.tsx";
import { Status } from "../../ui/glyph.tsx";
import { toast } from "../../ui/toast.tsx";

type Camera = ReportedState["cameras"][number];

/** What a camera says of itself, and the button that gives it a new reference. */
export function CameraHealthCard(props: {
  readonly device: DeviceDetail;
  readonly camera: Camera;
}) {
  const { device, camera } = props;
  const { name, kind, state, reason, health } = camera;
  const [asking, setAsking] = useState(false);
  const cache = useQueryClient();
  const mayWrite = useRefusal("devices:write");
  const refusal =
    mayWrite ?? can.commission(device) ?? (health ? undefined : td("camera.unwatched"));
  const commission = async () => {
    await client.call(devices.commission, { params: { id: device.id, camera: name } });
    toast(td("camera.commission.done", { name }));
    void cache.invalidateQueries({ queryKey: ["device", device.id] });
  };
  return (
    <Card
      title={td("camera.health", { name })}
      actions={
        <Button refusal={refusal} onClick={() => setAsking(true)}>
          {td("camera.commission")}
        </Button>
      }
    >
      <Facts
        items={[
          [td("camera.kind"), kind],
          [
            td("camera.state"),
            <Status key="state" tone={toneOf(state)}>
              {state}
            </Status>,
          ],
          ...(reason === null ? [] : [[td("camera.reason"), reason] as const]),
          [td("camera.reference"), <Reference key="reference" {...props} />],
          ...(health
            ? [[td("camera.wrong"), <Raised key="raised" health={health} />] as const]
            : []),
        ]}
      />
      {asking ? (
        <Confirm
          title={td("camera.commission.title", { name })}
          text={td("camera.commission.text")}
          verb={td("camera.commission.verb")}
          act={commission}
          onClose={() => setAsking(false)}
        />
      ) : null}
    </Card>
  );
}

function Reference({ device, camera }: { readonly device: DeviceDetail; readonly camera: Camera }) {
  const now = useNow();
  const { health } = camera;
  if (!health) return td("camera.unwatched");
  if (health.commissioning !== null) return td("camera.taking", { ...health.commissioning });
  const asked = device.desired.commissions[camera.name];
  // Until the device has applied the document, the wish is on its way.
  if (asked !== undefined && (device.reported?.desiredVersion ?? 0) < device.desired.version)
    return td("camera.asked", { age: formatDuration(now - asked) });
  return health.referenceAt === null
    ? td("camera.noReference")
    : td("camera.referenceOf", { time: formatDateTime(health.referenceAt) });
}

function Raised({ health }: { readonly health: NonNullable<Camera["health"]> }) {
  if (health.raised.length === 0) return <Status tone="ok">{td("camera.nothingWrong")}</Status>;
  return (
    <ul>
      {health.raised.map(({ condition, since }) => (
        <li key={condition}>
          <Status tone="warn">
            {td("camera.since", { condition, time: formatDateTime(since) })}
          </Status>
        </li>
      ))}
    </ul>
  );
}

function toneOf(state: Camera["state"]) {
  if (state === "streaming") return "ok";
  if (state === "starting") return "info";
  return state === "failed" ? "critical" : "warn";
}
