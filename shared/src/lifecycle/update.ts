/**
 * A model update on a device, as the cloud hears of it:
 *
 *   downloading ─> verifying ─> testing ─> switching ─> active ─> rolled-back
 *        └────────────┴────────────┴───────────┴─> failed   (switching, too, may be rolled back)
 *
 * Progress is sent once and may get lost, so phases may be skipped; it never runs backwards by
 * itself. A device that tries again says so with a later time. Another version is another update.
 */
import type { UpdatePhase } from "../messages/control.ts";
import { type Lifecycle, no, refusalOf } from "./lifecycle.ts";

const behind = (now: UpdatePhase) => no(`is ${now} already`);
const active = no("is active; only a rollback follows");
const failed = no("has failed; only a new attempt follows");
const back = no("was rolled back; only a new attempt follows");

const ahead = {
  downloading: "downloading",
  verifying: "verifying",
  testing: "testing",
  switching: "switching",
  active: "active",
  failed: "failed",
  "rolled-back": "rolled-back",
} as const satisfies Readonly<Record<UpdatePhase, UpdatePhase>>;

const over = (why: ReturnType<typeof no>) => ({
  downloading: why,
  verifying: why,
  testing: why,
  switching: why,
  active: why,
  failed: why,
  "rolled-back": why,
});

/** For each phase that is known, the phases that may be heard next. A repeat changes nothing. */
export const updateLifecycle: Lifecycle<UpdatePhase, UpdatePhase> = {
  downloading: ahead,
  verifying: { ...ahead, downloading: behind("verifying") },
  testing: { ...ahead, downloading: behind("testing"), verifying: behind("testing") },
  switching: {
    ...ahead,
    downloading: behind("switching"),
    verifying: behind("switching"),
    testing: behind("switching"),
  },
  active: { ...over(active), active: "active", "rolled-back": "rolled-back" },
  failed: { ...over(failed), failed: "failed" },
  "rolled-back": { ...over(back), "rolled-back": "rolled-back" },
};

/** Phases with which an attempt begins; the second where all files are there already. */
export const attemptPhases: readonly UpdatePhase[] = ["downloading", "verifying"];

/** One report of an update: `name@version`, its phase, and when the device said so. */
export interface UpdateReport {
  readonly model: string;
  readonly phase: UpdatePhase;
  /** Unix milliseconds by the device's clock. */
  readonly at: number;
}

/** Why `heard` cannot follow what is known, as one sentence; `undefined` where it can. */
export function updateRefusal(known: UpdateReport | null, heard: UpdateReport): string | undefined {
  if (known === null || known.model !== heard.model) return undefined;
  if (attemptPhases.includes(heard.phase) && heard.at > known.at) return undefined;
  return refusalOf(updateLifecycle, { name: known.model, state: known.phase }, heard.phase);
}
