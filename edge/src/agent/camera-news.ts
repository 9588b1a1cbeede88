/** Says when a camera fails and when it is well again, without repeating itself. */
import type { Severity } from "@fieldloop/shared/messages/telemetry";

/** The same trouble is told again after this long. */
const repeatMs = 600_000;

type Tell = (
  kind: string,
  severity: Severity,
  message: string,
  detail: Record<string, unknown>,
) => void;

/** Whether a camera in this state gives no pictures and should. */
export const inTrouble = (state: string): boolean =>
  state === "stalled" || state === "backing-off" || state === "failed";

export class CameraNews {
  readonly #tell: Tell;
  readonly #troubles = new Map<string, { readonly reason: string; readonly at: number }>();

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  changed(camera: string, state: string, reason: string | null, now: number): void {
    const known = this.#troubles.get(camera);
    if (state === "streaming" && known !== undefined) {
      this.#troubles.delete(camera);
      this.#tell("camera-recovered", "info", `the camera ${camera} is well again`, { camera });
    }
    if (!inTrouble(state)) return;
    const said = reason ?? state;
    if (known?.reason === said && now - known.at < repeatMs) return;
    this.#troubles.set(camera, { reason: said, at: now });
    const kind = state === "stalled" ? "camera-stalled" : "camera-failed";
    this.#tell(kind, "warning", `the camera ${camera}: ${said}`, { camera });
  }
}
