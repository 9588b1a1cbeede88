/**
 * The inspection station at the end of the belt, as pure functions: which frames a person looks at
 * again, when the finding is known, and what it says. Everything follows from the frame itself, so
 * a station that starts again repeats what it said before and contradicts nothing.
 */
import type { LabelsMessage } from "@fieldloop/shared/messages/control";
import { isSampled } from "@fieldloop/shared/sampling";
import { LABELS, type Label, truthAt } from "../scene/item.ts";
import { hashNumbers, hashText, randomFrom } from "../scene/random.ts";

/** How late a finding is at the earliest and latest: the way to the station and the look itself. */
export const DELAY_MS_MIN = 20_000;
export const DELAY_MS_MAX = 120_000;
/** Share of findings in which the person is wrong. */
export const HUMAN_ERROR_SHARE = 0.005;
/** A station that was away longer than this does not make up for what it missed before. */
export const CATCH_UP_MS_MAX = 600_000;
/** Findings in one message. */
export const LABELS_PER_MESSAGE_MAX = 200;

/** One finding, as `up/labels` carries it. */
export type StationLabel = LabelsMessage["labels"][number];

/** What the station knows when it asks what is due. Times are Unix milliseconds. */
export interface StationView {
  /** Ids of the cameras on its line; an id is also the seed of what that camera sees. */
  readonly devices: readonly string[];
  /** Time between two ticks of the line's clock. */
  readonly periodMs: number;
  /** Share of the frames that a person looks at, 0 to 1. */
  readonly share: number;
  readonly now: number;
  /** The `now` of the question before; findings due up to then have been told. */
  readonly last: number;
}

/** The findings that became known after `last` and up to `now`, oldest first. */
export function dueLabels(view: StationView): StationLabel[] {
  const { devices, periodMs, share, now } = view;
  const since = Math.max(view.last, now - CATCH_UP_MS_MAX);
  const firstTick = Math.max(0, Math.floor((since - DELAY_MS_MAX) / periodMs));
  const lastTick = Math.floor((now - DELAY_MS_MIN) / periodMs);
  const due: StationLabel[] = [];
  for (let tick = firstTick; tick <= lastTick; tick++) {
    const frame = String(tick);
    if (!isSampled(frame, share)) continue;
    for (const device of devices) {
      const capturedAt = Math.floor(tick * periodMs);
      const at = capturedAt + delayMs(device, tick);
      if (at > since && at <= now) {
        due.push({ device, frame, label: findingAt(device, tick), capturedAt, at });
      }
    }
  }
  return due.sort((a, b) => a.at - b.at);
}

/** How long after its capture a frame's finding is known, whole milliseconds. */
export function delayMs(device: string, tick: number): number {
  const draw = hashNumbers(hashText(device), tick, 11) / 0x1_0000_0000;
  return Math.floor(DELAY_MS_MIN + draw * (DELAY_MS_MAX - DELAY_MS_MIN));
}

/** What the person at the station says about a frame: the truth, but for a rare slip. */
export function findingAt(device: string, tick: number): Label {
  const truth = truthAt(device, tick);
  const random = randomFrom(hashText(device), tick, 12);
  if (random() >= HUMAN_ERROR_SHARE) return truth;
  const others = LABELS.filter((label) => label !== truth);
  return others[Math.floor(random() * others.length)] ?? truth;
}

/**
 * Packs findings into messages of bounded size. A message's id names its findings, so that the
 * same ones sent twice count once.
 */
export function labelMessages(labels: readonly StationLabel[]): LabelsMessage[] {
  const messages: LabelsMessage[] = [];
  for (let start = 0; start < labels.length; start += LABELS_PER_MESSAGE_MAX) {
    const part = labels.slice(start, start + LABELS_PER_MESSAGE_MAX);
    const names = part.map((label) => `${label.device}/${label.frame}`).join(" ");
    const id = `${part[0]?.at ?? 0}-${part.length}-${hashText(names).toString(36)}`;
    messages.push({ v: 1, id, labels: part });
  }
  return messages;
}
