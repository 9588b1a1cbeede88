/** What a failed transaction means. */

/** SQLSTATE or Node's error code. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}

/** No partition holds this time yet: PostgreSQL reports it as a violated check. */
export function isMissingPartition(error: unknown): boolean {
  return codeOf(error) === "23514" && String(error).includes("no partition of relation");
}

/**
 * SQLSTATE classes that pass by themselves: connection (08), transaction rolled back (40), resources
 * (53), objects in use (55), operator intervention (57), system (58).
 */
const passingState = /^(08|40|53|55|57|58)...$/;
const networkCode = /^E[A-Z_]+$/;
/** Errors of `pg` itself, which carry no code. */
const lostConnection =
  /connection (terminated|ended)|timeout exceeded|not queryable|connection error/i;

/**
 * Whether the database is away or busy, so that the same transaction may succeed later. Anything
 * else lies in the data or in this code, and trying again is no use.
 */
export function isAway(error: unknown): boolean {
  const code = codeOf(error);
  if (isMissingPartition(error) || passingState.test(code) || networkCode.test(code)) return true;
  return code === "" && error instanceof Error && lostConnection.test(error.message);
}
