/**
 * MJPEG over HTTP, as network cameras and many programs serve it: a multipart answer that never ends.
 * Pictures are found by their own markers, so wrong boundaries and lengths do no harm.
 */

import { messageOf } from "@fieldloop/shared/errors";
import { defaultImageLimits, type ImageLimits } from "@fieldloop/shared-node/image";
import { sendRequest } from "../../platform/http-client.ts";
import { redactorOf } from "../../platform/redact.ts";
import { RateGate } from "./rate-gate.ts";
import { type FrameSink, type FrameSource, sourceFailed } from "./source.ts";
import { StreamFeed } from "./stream-feed.ts";

export interface MjpegOptions {
  /** With name and password (Basic) where the camera wants them. */
  readonly url: string;
  readonly fps: number | undefined;
  readonly stallMsMax: number;
  readonly limits?: ImageLimits;
  readonly now?: () => number;
}

export class MjpegSource implements FrameSource {
  readonly stallMsMax: number;
  readonly #options: MjpegOptions;

  constructor(options: MjpegOptions) {
    this.#options = options;
    this.stallMsMax = options.stallMsMax;
  }

  async run(sink: FrameSink, signal: AbortSignal): Promise<void> {
    const { url, fps, limits = defaultImageLimits, now = Date.now } = this.#options;
    const gate = new RateGate(fps);
    const format = { kind: "mjpeg" } as const;
    const feed = new StreamFeed({ sink, format, limits, gate, headersBetween: true, now });
    const safe = redactorOf([url]);
    try {
      for await (const chunk of await this.#open(signal)) await feed.push(chunk);
    } catch (error) {
      if (signal.aborted) return;
      throw sourceFailed(safe(messageOf(error)));
    }
    if (!signal.aborted) throw sourceFailed(`${safe(url)} ended after ${feed.frames} pictures`);
  }

  async #open(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { url, stallMsMax } = this.#options;
    const request = {
      method: "GET",
      url,
      timeoutMs: stallMsMax,
      signal,
      peer: "the camera",
    } as const;
    const answer = await sendRequest(request);
    if (answer.status === 200) return answer.body;
    answer.discard();
    const wants = String(answer.headers["www-authenticate"] ?? "");
    throw new Error(`${url} answered ${answer.status}${adviceOn(answer.status, wants)}`);
  }
}

function adviceOn(status: number, wants: string): string {
  if (status === 401 && /^digest/i.test(wants))
    return ": it wants Digest authentication; read it as kind command with ffmpeg, which knows that";
  if (status === 401) return ": put name and password into the URL, http://name:password@…";
  if (status >= 300 && status < 400) return ": it sends us elsewhere; use the address it means";
  if (status === 404) return ": there is no stream at this path";
  return "";
}
