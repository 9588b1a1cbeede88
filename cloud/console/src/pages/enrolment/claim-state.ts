import type { ClaimToken } from "@fieldloop/shared/contract/devices";

/** Whether a claim token still works, and why not. */
export function claimState(
  token: ClaimToken,
  now: number,
): "valid" | "expired" | "usedUp" | "revoked" {
  if (token.revoked) return "revoked";
  if (token.uses >= token.usesMax) return "usedUp";
  return token.expiresAt <= now ? "expired" : "valid";
}
