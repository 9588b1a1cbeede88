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
import { tv } from "../../text/t-cameras.ts";
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
    mayWrite ?? can.commission(device) ?? (health ? undefined : tv("camera.unwatched"));
  const commission = async () => {
    await client.call(devices.commission, { params: { id: device.id, camera: name } });
    toast(tv("camera.commission.done", { name }));
    void cache.invalidateQueries({ queryKey: ["device", device.id] });
  };
  return (
    <Card
      title={tv("camera.health", { name })}
      actions={
        <Button refusal={refusal} onClick={() => setAsking(true)}>
          {tv("camera.commission")}
        </Button>
      }
    >
      <Facts
        items={[
          [tv("camera.kind"), kind],
          [
            tv("camera.state"),
            <Status key="state" tone={toneOf(state)}>
              {state}
            </Status>,
          ],
          ...(reason === null ? [] : [[tv("camera.reason"), reason] as const]),
          [tv("camera.reference"), <Reference key="reference" {...props} />],
          ...(health
            ? [[tv("camera.wrong"), <Raised key="raised" health={health} />] as const]
            : []),
        ]}
      />
      {asking ? (
        <Confirm
          title={tv("camera.commission.title", { name })}
          text={tv("camera.commission.text")}
          verb={tv("camera.commission.verb")}
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
  if (!health) return tv("camera.unwatched");
  if (health.commissioning !== null) return tv("camera.taking", { ...health.commissioning });
  const asked = device.desired.commissions[camera.name];
  // Until the device has applied the document, the wish is on its way.
  if (asked !== undefined && (device.reported?.desiredVersion ?? 0) < device.desired.version)
    return tv("camera.asked", { age: formatDuration(now - asked) });
  return health.referenceAt === null
    ? tv("camera.noReference")
    : tv("camera.referenceOf", { time: formatDateTime(health.referenceAt) });
}

function Raised({ health }: { readonly health: NonNullable<Camera["health"]> }) {
  if (health.raised.length === 0) return <Status tone="ok">{tv("camera.nothingWrong")}</Status>;
  return (
    <ul>
      {health.raised.map(({ condition, since }) => (
        <li key={condition}>
          <Status tone="warn">
            {tv("camera.since", { condition, time: formatDateTime(since) })}
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
