import { randomInt } from "node:crypto";
import type { EnrolReply, enrolRequest } from "@fieldloop/shared/contract/device-api";
import type * as z from "zod/mini";
import { hashSecret, newSecret } from "../../platform/auth/secret.ts";
import type { Platform } from "../../platform/context.ts";
import { appendAudit } from "../../platform/ledger/store.ts";
import { requireClaimable } from "./claim.ts";
import { formatCredential } from "./credential.ts";
import { countClaimUse, lockClaimToken } from "./store/claim-tokens.ts";
import { insertDevice } from "./store/devices.ts";
import { lockTargets } from "./store/targets.ts";
import { retarget } from "./target-model.ts";

export type EnrolRequest = z.output<typeof enrolRequest>;

const idLengthMax = 64;
const triesMax = 20;

/**
 * Turns a claim token into a device with its own credential. The id is the wished one, or that with
 * a number where it is or ever was another device's.
 * @throws AppError 401 where the token lets nobody in, with the reason
 */
export async function enrol(platform: Platform, request: EnrolRequest): Promise<EnrolReply> {
  const now = platform.now();
  const secret = newSecret();
  const { mqttUrl, topicRoot } = platform.installation;
  const deviceId = await platform.db.transaction().execute(async (tx) => {
    await lockTargets(tx);
    const token = await lockClaimToken(tx, hashSecret(request.token));
    requireClaimable(token, now);
    await countClaimUse(tx, token.id);
    const { site, group } = token;
    const { role, profile } = request;
    const device = { role, profile, site, group, secretHash: hashSecret(secret) };
    const id = await insertUnderFreeId(request, (id) => insertDevice(tx, { ...device, id }, now));
    await retarget(tx, [id]);
    const detail = { token: token.id, note: token.note, role, profile, site, group };
    const entry = {
      actor: `claim token ${token.id}`,
      act: "devices:enrol",
      subject: `device:${id}`,
    };
    await appendAudit(tx, { ...entry, detail }, now);
    return id;
  });
  return { deviceId, credential: formatCredential(deviceId, secret), mqttUrl, topicRoot };
}

async function insertUnderFreeId(
  request: EnrolRequest,
  insert: (id: string) => Promise<boolean>,
): Promise<string> {
  const base = request.name ?? request.role;
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const id = candidateId(base, attempt);
    if (await insert(id)) return id;
  }
  throw new Error(`no free id near ${base}`);
}

/** `cam-7`, then `cam-7-2` and so on, then random numbers, so that a large fleet finds one quickly. */
function candidateId(base: string, attempt: number): string {
  if (attempt === 0) return base;
  const suffix = attempt < 10 ? String(attempt + 1) : String(randomInt(1_000_000_000));
  return `${base.slice(0, idLengthMax - suffix.length - 1).replace(/-+$/, "")}-${suffix}`;
}
