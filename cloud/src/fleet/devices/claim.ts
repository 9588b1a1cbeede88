/** May this claim token let another device in? Pure. */
import type { ClaimToken } from "@fieldloop/shared/contract/devices";
import { AppError } from "@fieldloop/shared/errors";

/** Throws 401 with the reason where a token lets nobody in. */
export function requireClaimable(
  token: ClaimToken | undefined,
  now: number,
): asserts token is ClaimToken {
  const reason = refusalOf(token, now);
  if (reason === undefined) return;
  throw new AppError({
    code: "claim-token",
    status: 401,
    message: `${reason}; create a new one with \`fieldloop devices enrol-token create\` or in the console`,
  });
}

function refusalOf(token: ClaimToken | undefined, now: number): string | undefined {
  if (token === undefined)
    return "this claim token is not known here: it may be mistyped or belong to another installation";
  if (token.revoked) return "this claim token was revoked";
  if (token.expiresAt <= now)
    return `this claim token expired on ${new Date(token.expiresAt).toISOString()}`;
  if (token.uses >= token.usesMax)
    return token.usesMax === 1
      ? "this claim token was used already and lets in one device"
      : `this claim token was used ${token.uses} times, as often as it may be`;
  return undefined;
}
