/** Tells a program over HTTP. */
import { createHmac } from "node:crypto";
import { messageOf } from "@fieldloop/shared/errors";
import { sendRequest } from "../../platform/http-client.ts";
import { filledIn, type ToldEvent } from "./match.ts";
import { type Environment, failedBy, reveal, type Sender } from "./sender.ts";
import type { OutputSettingsOf } from "./settings.ts";

export function webhookSender(
  { webhook }: OutputSettingsOf<"webhook">,
  environment: Environment,
): Sender {
  const headers = Object.fromEntries(
    Object.entries(webhook.headers).map(([name, value]) => [name, reveal(value, environment)]),
  );
  const key = webhook.secret && reveal(webhook.secret, environment);
  return {
    start: () => undefined,
    stop: async () => undefined,
    send: (event, withinMs) => post(event, withinMs),
  };

  async function post(event: ToldEvent, withinMs: number): Promise<void> {
    const { url, method } = webhook;
    const body = webhook.body === undefined ? JSON.stringify(event) : filledIn(webhook.body, event);
    const signal = AbortSignal.timeout(Math.max(1, Math.round(withinMs)));
    const answer = await sendRequest({
      method,
      url,
      headers: {
        "content-type": webhook.body === undefined ? "application/json" : "text/plain",
        ...headers,
        ...(key !== undefined && { "x-fieldloop-signature": `sha256=${signatureOf(body, key)}` }),
      },
      body,
      timeoutMs: withinMs,
      signal,
      peer: "the webhook",
    }).catch((error: unknown) => {
      if (signal.aborted) throw failedBy("timeout", `no answer of ${origin(url)} by the deadline`);
      throw failedBy("unreachable", messageOf(error));
    });
    answer.discard();
    if (answer.status >= 200 && answer.status <= 299) return;
    throw failedBy("refused", `${origin(url)} answered ${answer.status}`);
  }
}

function signatureOf(body: string, key: string): string {
  return createHmac("sha256", key).update(body).digest("hex");
}

const origin = (url: string): string => new URL(url).origin;
