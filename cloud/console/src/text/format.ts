const locale = "en-GB";
const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const dateOnly = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const hundredth = new Intl.NumberFormat(locale, {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});

/** `14:02:11` in the reader's time zone. */
export const formatClock = (at: number): string => clock.format(at);
/** `21 Nov 2026, 14:02:11` in the reader's time zone. */
export const formatDateTime = (at: number): string => dateTime.format(at);
export const formatDate = (at: number): string => dateOnly.format(at);
export const formatWhole = (value: number): string => whole.format(value);
const rate = new Intl.NumberFormat(locale, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** Frames per second, always with one digit so that columns line up. */
export const formatRate = (value: number): string => rate.format(value);
export const formatTenth = (value: number): string => tenth.format(value);
/** Probabilities, always with two digits so that columns line up. */
export const formatShare = (value: number): string => hundredth.format(value);
/** A share as per cent with one digit; only the whole reads as 100.0 %. */
export function formatPercent(share: number): string {
  const percent = share < 1 ? Math.min(99.9, share * 100) : share * 100;
  return `${rate.format(percent)} %`;
}
/** Milliseconds: one digit below 10, whole above. */
export const formatMs = (value: number): string =>
  value < 10 ? tenth.format(value) : whole.format(value);
/** Milliseconds of a measurement that is compared: three digits or so. */
export const formatFineMs = (value: number): string =>
  value < 10 ? hundredth.format(value) : rate.format(value);

const sizes = [
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
] as const;

/** Bytes in powers of 1000: `2.4 MB`. */
export function formatBytes(bytes: number): string {
  for (const [size, unit] of sizes)
    if (bytes >= size) return `${tenth.format(bytes / size)} ${unit}`;
  return `${whole.format(bytes)} B`;
}

/** How long, in the largest unit that says enough: `4 s`, `3 min`, `2 h`, `5 d`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 90) return `${Math.floor(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** A share as whole per cent, cut off and not rounded, so that 999 of 1000 never reads as 100 %. */
export function formatProgress(done: number, total: number): string {
  if (total <= 0) return "0 %";
  return `${Math.floor((Math.min(done, total) / total) * 100)} %`;
}
