/** A cloud for tests, which answers as it is told. */
import { AppError } from "@fieldloop/shared/errors";
import type { CloudPort, CloudReply, CloudRequest } from "./cloud.ts";

/** What a call comes to: an answer or a failure after some time, or nothing at all. */
export type FakeBehaviour =
  | { readonly kind: "answers"; readonly afterMs: number; readonly label: string }
  | { readonly kind: "fails"; readonly afterMs: number; readonly code: string }
  | { readonly kind: "hangs" };

export class FakeCloud implements CloudPort {
  readonly requests: CloudRequest[] = [];
  /** How further calls behave. */
  behaviour: FakeBehaviour = { kind: "hangs" };
  /** Whether an aborted call still goes on, as a careless client's would. */
  deaf = false;
  aborts = 0;
  underWay = 0;
  underWayMax = 0;

  ask(request: CloudRequest, signal: AbortSignal): Promise<CloudReply> {
    this.requests.push(request);
    this.underWay++;
    this.underWayMax = Math.max(this.underWayMax, this.underWay);
    const { behaviour } = this;
    const reply = new Promise<CloudReply>((resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.aborts++;
        if (!this.deaf) reject(failure("inference-aborted"));
      });
      if (behaviour.kind === "hangs") return;
      setTimeout(() => {
        if (behaviour.kind === "fails") reject(failure(behaviour.code));
        else resolve(replyOf(behaviour.label, request.picture.length));
      }, behaviour.afterMs);
    });
    return reply.finally(() => {
      this.underWay--;
    });
  }
}

function replyOf(label: string, bytes: number): CloudReply {
  return {
    decision: { label, confidence: 0.97, detections: null },
    model: "large@2.0.0",
    traffic: { sent: bytes + 600, received: 300 },
  };
}

function failure(code: string): AppError {
  return new AppError({ code, message: `the fake cloud failed with ${code}`, retryable: true });
}
