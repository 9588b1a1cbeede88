import { pathOf } from "@fieldloop/shared/contract/client";
import { type DeviceDetail, devices } from "@fieldloop/shared/contract/devices";
import { can } from "@fieldloop/shared/lifecycle/device";
import { useState } from "react";
import { useRefusal } from "../../api/session.ts";
import { FormFailure } from "../../forms/form-failure.tsx";
import { useNow } from "../../hooks/use-now.ts";
import { formatDuration, formatShare } from "../../text/format.ts";
import { td } from "../../text/t-devices.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/card.tsx";
import css from "./device-page.module.css";
import type { FrameResult } from "./frame-result.ts";
import { type LiveFrame, useWatch } from "./use-watch.ts";

/** Above this age a frame is said to be late. */
const lateMs = 5000;

/** What the camera sees right now, while somebody watches. */
export function FramePanel({ device }: { readonly device: DeviceDetail }) {
  const mayView = useRefusal("media:view");
  const { isWatching, setWatching, frame, error } = useWatch(device.id);
  const [loaded, setLoaded] = useState<LiveFrame | undefined>(undefined);
  // The answer changes with the picture it belongs to, not when the picture is announced.
  const shown = frame === undefined ? undefined : (loaded ?? frame);
  const offline = device.status === "online" ? undefined : td("frames.offline");
  return (
    <Card
      title={td("frames.title")}
      actions={
        isWatching ? (
          <Button icon="stop" onClick={() => setWatching(false)}>
            {td("frames.stop")}
          </Button>
        ) : (
          <Button
            icon="play"
            look="primary"
            refusal={mayView ?? can.watch(device) ?? offline}
            onClick={() => {
              setLoaded(undefined);
              setWatching(true);
            }}
          >
            {td("frames.watch")}
          </Button>
        )
      }
    >
      {frame === undefined ? (
        <div className={css.frame}>
          <p>{isWatching ? td("frames.waiting") : td("frames.idle")}</p>
        </div>
      ) : (
        <Picture id={device.id} frame={frame} shown={loaded} onLoaded={setLoaded} />
      )}
      <Answer frame={shown} />
      <FormFailure error={error} />
    </Card>
  );
}

/** A live frame with what was found on it. */
export function Picture(props: {
  readonly id: string;
  readonly frame: LiveFrame;
  /** The frame whose picture is on the screen. */
  readonly shown: LiveFrame | undefined;
  readonly onLoaded: (frame: LiveFrame) => void;
  /** Laid over the picture. */
  readonly children?: React.ReactNode;
}) {
  const { id, frame, shown } = props;
  const [size, setSize] = useState({ width: 4, height: 3 });
  const path = pathOf(devices.frame, { params: { id } });
  return (
    <div className={css.frame} data-testid="live-frame">
      <img
        src={`${path}?at=${frame.at}`}
        alt={td("frames.alt", { id, result: answerText((shown ?? frame).result) })}
        onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => {
          setSize((old) =>
            old.width === width && old.height === height ? old : { width, height },
          );
          props.onLoaded(frame);
        }}
      />
      {shown === undefined ? null : <Boxes result={shown.result} size={size} />}
      {props.children}
    </div>
  );
}

/** Boxes in the picture's own pixels; the drawing scales as the picture does. */
function Boxes(props: {
  readonly result: FrameResult;
  readonly size: { readonly width: number; readonly height: number };
}) {
  const { width, height } = props.size;
  if (props.result.detections.length === 0) return null;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="xMidYMid meet" aria-hidden="true">
      {props.result.detections.map(({ label, score, box: [x1, y1, x2, y2] }) => (
        <g key={`${label}-${x1}-${y1}-${x2}-${y2}`}>
          <rect
            className={css.box}
            x={x1 * width}
            y={y1 * height}
            width={Math.max(0, x2 - x1) * width}
            height={Math.max(0, y2 - y1) * height}
          />
          <text
            className={css.boxText}
            x={x1 * width + width * 0.01}
            y={Math.max(y1 * height - height * 0.015, height * 0.045)}
            fontSize={height * 0.045}
          >
            {label} {formatShare(score)}
          </text>
        </g>
      ))}
    </svg>
  );
}

function Answer({ frame }: { readonly frame: LiveFrame | undefined }) {
  const now = useNow();
  if (frame === undefined) return <div className={css.answer} />;
  const { label, confidence, detections } = frame.result;
  const ageMs = now - frame.at;
  return (
    <div className={css.answer}>
      <span>
        <b>
          {label ??
            (detections.length > 0
              ? td("frames.detections", { n: detections.length })
              : answerText(frame.result))}
        </b>{" "}
        {confidence === undefined ? null : formatShare(confidence)}
      </span>
      <span className="muted">
        {ageMs > lateMs
          ? td("frames.late", { age: formatDuration(ageMs) })
          : td("frames.at", { age: formatDuration(ageMs) })}
      </span>
    </div>
  );
}

function answerText({ label, confidence, detections }: FrameResult): string {
  if (label !== undefined)
    return confidence === undefined ? label : `${label} ${formatShare(confidence)}`;
  return detections.length > 0
    ? td("frames.detections", { n: detections.length })
    : td("frames.noResult");
}
