/** The command that turns a machine into a device of this installation. */
export function enrolCommand(origin: string, token: string): string {
  return `FIELDLOOP_URL=${origin} FIELDLOOP_CLAIM_TOKEN=${token} npx --no-install fieldloop-agent`;
}
