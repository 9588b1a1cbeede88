/** While somebody watches, a small picture a second goes to the cloud; otherwise none ever does. */
import { deviceApi, previewHeader } from "@fieldloop/shared/contract/device-api";
import { messageOf } from "@fieldloop/shared/errors";
import type { Snapshot } from "../perception/pipeline.ts";
import { readBody, sendRequest } from "../platform/http-client.ts";
import type { Log } from "../platform/log.ts";

const periodMs = 1000;
const size = { widthMax: 640, bytesMax: 20 * 1024 };
/** The result travels in a header, which servers limit. */
const detectionsMax = 50;
/** Pictures of a camera after which it sends its reference again. */
const referenceEvery = 10;

export interface PreviewOptions {
  readonly cloudUrl: string;
  readonly credential: string;
  readonly cameras: readonly string[];
  readonly snapshot: (camera: string, size: Size) => Promise<Snapshot | undefined>;
  /** For commissioning from afar: how sharp the camera is, and what it is held against. */
  readonly commissioning: (
    camera: string,
    withReference: boolean,
  ) => Promise<CommissioningView | undefined>;
  readonly now: () => number;
  readonly log: Log;
}

export interface CommissioningView {
  readonly focus: object | undefined;
  /** A small JPEG, base64; sent with every few pictures only. */
  readonly reference?: string;
}
type Size = typeof size;

export class Preview {
  readonly #options: PreviewOptions;
  #until = 0;
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;
  #lastFrame = "";

  constructor(options: PreviewOptions) {
    this.#options = options;
  }

  /** Sends until the given instant (Unix milliseconds); `null` ends it. */
  watch(until: number | null): void {
    this.#until = until ?? 0;
    if (this.#active && this.#timer === undefined) this.#schedule(0);
  }

  stop(): void {
    this.#until = 0;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  get #active(): boolean {
    return this.#until > this.#options.now() && this.#options.cameras.length > 0;
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => void this.#tick(), delayMs);
  }

  async #tick(): Promise<void> {
    const from = performance.now();
    try {
      await this.#send();
    } catch (error) {
      this.#options.log.debug({ reason: messageOf(error) }, "the preview was not sent");
    }
    if (this.#active) this.#schedule(Math.max(50, periodMs - (performance.now() - from)));
    else this.#timer = undefined;
  }

  async #commissioning(camera: string): Promise<object> {
    const { cameras, commissioning } = this.#options;
    const round = Math.floor((this.#turn - 1) / cameras.length);
    const withReference = round % referenceEvery === 0;
    return (await commissioning(camera, withReference)) ?? {};
  }

  /** One picture, of one camera after another; the same frame is not sent twice. */
  async #send(): Promise<void> {
    const { cameras, snapshot, cloudUrl, credential } = this.#options;
    const camera = cameras[this.#turn++ % cameras.length];
    const taken = camera === undefined ? undefined : await snapshot(camera, size);
    if (taken === undefined) return;
    const { jpeg, result } = taken;
    const key = `${result.camera}/${result.frame}`;
    if (key === this.#lastFrame) return;
    this.#lastFrame = key;
    const { method, path } = deviceApi.preview;
    const answer = await sendRequest({
      method,
      url: `${cloudUrl}${path}`,
      headers: {
        authorization: `Bearer ${credential}`,
        "content-type": "image/jpeg",
        [previewHeader]: describe(result, await this.#commissioning(result.camera)),
      },
      body: jpeg,
      timeoutMs: 5000,
    });
    await readBody(answer, 64 * 1024);
  }
}

function describe(result: Snapshot["result"], commissioning: object): string {
  const { camera, frame, capturedAt, decision, model, latencyMs } = result;
  const { label, confidence } = decision;
  const detections = decision.detections?.slice(0, detectionsMax) ?? null;
  const said = {
    camera,
    frame,
    at: capturedAt,
    label,
    confidence,
    detections,
    model,
    latencyMs,
    ...commissioning,
  };
  return Buffer.from(JSON.stringify(said)).toString("base64url");
}
