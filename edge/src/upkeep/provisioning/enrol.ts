/**
 * Enrolment: a claim token becomes an identity, once. The identity is on disk before anything uses
 * it, and a device that has one never asks again, so that running this twice is safe.
 */
import { deviceApi, type EnrolReply, enrolReply } from "@fieldloop/shared/contract/device-api";
import { AppError } from "@fieldloop/shared/errors";
import type { Files } from "../../platform/files.ts";
import { requestJson } from "../../platform/http-client.ts";
import { type Identity, readIdentity, writeIdentity } from "./identity.ts";

export interface EnrolOptions {
  readonly files: Files;
  readonly identityPath: string;
  readonly cloudUrl: string;
  /** Needed only for a device without identity. */
  readonly claimToken: string | undefined;
  readonly name: string | undefined;
  readonly role: "camera" | "station";
  readonly profile: string;
  /** Repeats of the request with this key are one request to the cloud. */
  readonly idempotencyKey: string;
}

export type Enrolment =
  | { readonly kind: "already"; readonly identity: Identity }
  | { readonly kind: "enrolled"; readonly identity: Identity };

const replyBytesMax = 64 * 1024;
const timeoutMs = 15_000;

/**
 * Makes sure that the device has an identity.
 * @throws AppError `claim-token-missing`, the cloud's refusal, or `cloud-unreachable` (retryable)
 */
export async function enrol(options: EnrolOptions): Promise<Enrolment> {
  const known = await readIdentity(options.files, options.identityPath);
  if (known !== undefined) return { kind: "already", identity: known };
  const reply = await claim(options);
  const identity: Identity = {
    v: 1,
    deviceId: reply.deviceId,
    credential: reply.credential,
    cloudUrl: options.cloudUrl,
    mqttUrl: reply.mqttUrl,
    topicRoot: reply.topicRoot,
    role: options.role,
  };
  await writeIdentity(options.files, options.identityPath, identity);
  return { kind: "enrolled", identity };
}

async function claim(options: EnrolOptions): Promise<EnrolReply> {
  const { cloudUrl, claimToken, name, role, profile } = options;
  if (claimToken === undefined)
    throw new AppError({
      code: "claim-token-missing",
      message: `this device is not enrolled with ${cloudUrl} yet: set FIELDLOOP_CLAIM_TOKEN (or cloud.claimToken) to a claim token of that cloud`,
    });
  const body = { token: claimToken, role, profile, ...(name !== undefined && { name }) };
  const { method, path } = deviceApi.enrol;
  const answer = await requestJson(
    {
      method,
      url: `${cloudUrl}${path}`,
      headers: {
        "content-type": "application/json",
        "idempotency-key": options.idempotencyKey,
      },
      body: JSON.stringify(body),
      timeoutMs,
    },
    replyBytesMax,
  );
  const parsed = enrolReply.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new AppError({
    code: "cloud-answer",
    message: `${cloudUrl} answered the enrolment with something else: is this a fieldloop cloud?`,
  });
}
