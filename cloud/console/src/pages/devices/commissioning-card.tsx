import type { DeviceDetail } from "@fieldloop/shared/contract/devices";
import { can } from "@fieldloop/shared/lifecycle/device";
import { focusMeter } from "@fieldloop/shared/vision/camera-health/focus-meter";
import { useEffect, useId, useState } from "react";
import { useRefusal } from "../../api/session.ts";
import { FormFailure } from "../../forms/form-failure.tsx";
import { formatWhole } from "../../text/format.ts";
import { tv } from "../../text/t-cameras.ts";
import { td } from "../../text/t-devices.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import { Meter } from "../../ui/meter.tsx";
import css from "./device-page.module.css";
import { Picture } from "./frame-panel.tsx";
import type { FrameResult } from "./frame-result.ts";
import { type LiveFrame, useWatch } from "./use-watch.ts";

/** The live picture with a focus meter and, laid over it, the camera's reference. */
export function CommissioningCard(props: {
  readonly device: DeviceDetail;
  readonly camera: string;
}) {
  const { device, camera } = props;
  const mayView = useRefusal("media:view");
  const { isWatching, setWatching, frame, error } = useWatch(device.id, camera);
  const [loaded, setLoaded] = useState<LiveFrame | undefined>(undefined);
  const [opacity, setOpacity] = useState(0);
  const reference = useLast(frame?.result.reference);
  const overlayId = useId();
  const offline = device.status === "online" ? undefined : td("frames.offline");
  return (
    <Card
      title={tv("camera.view", { name: camera })}
      actions={
        <Button
          icon={isWatching ? "stop" : "play"}
          look={isWatching ? "plain" : "primary"}
          refusal={isWatching ? undefined : (mayView ?? can.watch(device) ?? offline)}
          onClick={() => setWatching(!isWatching)}
        >
          {isWatching ? td("frames.stop") : td("frames.watch")}
        </Button>
      }
    >
      {frame === undefined ? (
        <div className={css.frame}>
          <p>{isWatching ? td("frames.waiting") : td("frames.idle")}</p>
        </div>
      ) : (
        <Picture id={device.id} frame={frame} shown={loaded} onLoaded={setLoaded}>
          {reference === undefined ? null : (
            <img
              src={`data:image/jpeg;base64,${reference}`}
              alt=""
              style={{ opacity: opacity / 100 }}
              data-testid="reference"
            />
          )}
        </Picture>
      )}
      <div className={css.below}>
        <Focus key={String(isWatching)} sharpness={frame?.result.sharpness} />
        {reference === undefined ? null : (
          <div className={css.focus}>
            <label htmlFor={overlayId}>{tv("camera.overlay")}</label>
            <input
              id={overlayId}
              type="range"
              min={0}
              max={100}
              value={opacity}
              onChange={({ target }) => setOpacity(Number(target.value))}
            />
          </div>
        )}
        <FormFailure error={error} />
      </div>
    </Card>
  );
}

/** The last value that was there: references come with some frames only. */
function useLast<T>(value: T | undefined): T | undefined {
  const [last, setLast] = useState(value);
  useEffect(() => {
    if (value !== undefined) setLast(value);
  }, [value]);
  return value ?? last;
}

function Focus({ sharpness }: { readonly sharpness: FrameResult["sharpness"] }) {
  const [peak, setPeak] = useState(0);
  const reading = sharpness === undefined ? undefined : focusMeter(sharpness, peak);
  useEffect(() => {
    if (reading !== undefined && reading.peak > peak) setPeak(reading.peak);
  }, [reading, peak]);
  if (reading === undefined) return null;
  const percent = formatWhole(reading.percent);
  return (
    <>
      <div className={css.focus}>
        <span>{tv("camera.focus")}</span>
        <Meter value={reading.percent} max={100} label={tv("camera.focus")}>
          {reading.kind === "unclear"
            ? tv("camera.focusUnclear")
            : tv("camera.focusPercent", { percent })}
        </Meter>
        <Button onClick={() => setPeak(0)}>{tv("camera.focusRestart")}</Button>
      </div>
      <p className="muted">{tv("camera.focusHint")}</p>
    </>
  );
}
