import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { useState } from "react";
import { tv } from "../../text/t-cameras.ts";
import { Empty } from "../../ui/states.tsx";
import { Segments } from "../../ui/tabs.tsx";
import { CameraHealthCard } from "./camera-health-card.tsx";
import { CommissioningCard } from "./commissioning-card.tsx";
import css from "./device-page.module.css";

/** The cameras of a device: whether they see what they should, and help in making them. */
export function CameraTab({ device }: { readonly device: DeviceDetail }) {
  const cameras = device.reported?.cameras ?? [];
  const [name, setName] = useState(cameras[0]?.name ?? "");
  const camera = cameras.find((one) => one.name === name) ?? cameras[0];
  if (camera === undefined) {
    return (
      <Empty title={tv("camera.none")}>
        <p>{tv("camera.noneHint")}</p>
      </Empty>
    );
  }
  return (
    <div className={css.column}>
      {cameras.length > 1 ? (
        <div className={css.tools}>
          <Segments
            label={tv("camera.label")}
            current={camera.name}
            options={cameras.map((one) => [one.name, one.name] as const)}
            onChange={setName}
          />
        </div>
      ) : null}
      <div className={css.split}>
        <CommissioningCard key={camera.name} device={device} camera={camera.name} />
        <CameraHealthCard device={device} camera={camera} />
      </div>
    </div>
  );
}
