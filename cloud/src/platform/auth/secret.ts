/** Random secrets that machines present: login cookies, API tokens, claim tokens, credentials. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const secretBytes = 32;

/** How a secret begins, so that people and scanners see what they hold. */
export const secretMarks = {
  apiToken: "fla_",
  claimToken: "flc_",
  /** Device credential: `fld_<deviceId>.<secret>`. */
  device: "fld_",
} as const;

/** 256 random bits as base64url. */
export function newSecret(): string {
  return randomBytes(secretBytes).toString("base64url");
}

/** What is stored of a secret: SHA-256 in hex. A slow hash adds nothing to 256 random bits. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Compares a presented secret with a stored hash without telling by its time how much matched. */
export function secretMatches(presented: string, storedHash: string): boolean {
  const expected = Buffer.from(storedHash, "hex");
  const actual = createHash("sha256").update(presented).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
