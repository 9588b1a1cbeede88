import { pathOf } from "@fieldloop/shared/contract/client";
import { type SampleView, samples } from "@fieldloop/shared/contract/samples";
import { ts } from "../../text/t-samples.ts";
import { opinionText } from "./sample-text.ts";
import css from "./samples.module.css";

/** The picture with what the device found on it, boxes or outlines. */
export function SamplePicture({ sample }: { readonly sample: SampleView }) {
  const { device, digest, camera, local, width, height } = sample;
  const found = local.detections ?? [];
  return (
    <span className={css.picture} style={{ aspectRatio: `${width} / ${height}` }}>
      <img
        src={pathOf(samples.image, { params: { device, digest } })}
        alt={ts("samples.alt", { device, camera, said: opinionText(local) })}
        loading="lazy"
        width={width}
        height={height}
      />
      {found.length === 0 ? null : (
        <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          {found.map(({ label, box: [x1, y1, x2, y2], polygon }) =>
            polygon === undefined ? (
              <rect
                key={`${label}-${x1}-${y1}-${x2}-${y2}`}
                x={x1 * width}
                y={y1 * height}
                width={Math.max(0, x2 - x1) * width}
                height={Math.max(0, y2 - y1) * height}
              />
            ) : (
              <polygon
                key={`${label}-${x1}-${y1}-${x2}-${y2}`}
                points={polygon.map(([x, y]) => `${x * width},${y * height}`).join(" ")}
              />
            ),
          )}
        </svg>
      )}
    </span>
  );
}
