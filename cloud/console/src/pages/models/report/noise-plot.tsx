import { decibelRange, decibelTicks, type PlacedLayer } from "./figures.ts";
import css from "./noise.module.css";

export interface NoisePlotProps {
  /** In graph order. */
  readonly bars: readonly PlacedLayer[];
  /** The ones that are numbered, the worst first. */
  readonly worst: readonly PlacedLayer[];
  readonly cursor: number | undefined;
  readonly onCursor: (index: number | undefined) => void;
}

function markStyle(bottom: number, rank: number) {
  return { bottom: `${bottom}%`, "--rank": rank } as React.CSSProperties; // React has no custom properties
}

/** Bars on a decibel axis. Decoration for the eye: slider, sentence and table say the same. */
export function NoisePlot({ bars, worst, cursor, onCursor }: NoisePlotProps) {
  const range = decibelRange(bars);
  const [low, high] = range;
  const up = (db: number) => ((db - low) / (high - low)) * 100;
  const ranks = new Map(worst.map(({ place }, i) => [place, i + 1]));
  const moveTo = (event: React.PointerEvent<HTMLDivElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const at = Math.floor(((event.clientX - left) / width) * bars.length);
    onCursor(Math.max(0, Math.min(bars.length - 1, at)));
  };
  return (
    <div className={css.plot} aria-hidden="true">
      {decibelTicks(range).map((db) => (
        <span key={db} className={css.tick} style={{ bottom: `${up(db)}%` }} data-zero={db === 0}>
          <span>{db}</span>
        </span>
      ))}
      <div
        className={css.bars}
        onPointerMove={moveTo}
        onPointerDown={moveTo}
        onPointerLeave={() => onCursor(undefined)}
      >
        {bars.map(({ place, sqnrDb }, i) => {
          const rank = ranks.get(place);
          const [from, to] = sqnrDb < 0 ? [up(sqnrDb), up(0)] : [up(0), up(sqnrDb)];
          return (
            <span
              key={place}
              className={css.slot}
              data-worst={rank !== undefined || undefined}
              data-cursor={i === cursor || undefined}
            >
              <span className={css.bar} style={{ bottom: `${from}%`, height: `${to - from}%` }} />
              {rank === undefined ? null : (
                <span className={css.mark} style={markStyle(to, rank)}>
                  {rank}
                </span>
              )}
            </span>
          );
        })}
      </div>
    </div>
  );
}
