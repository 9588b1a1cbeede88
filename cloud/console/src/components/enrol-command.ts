/** The command that turns a machine into a device of this installation. */
export function enrolCommand(origin: string, token: string): string {
  return `npx --no-install fieldloop-agent enrol --url ${origin} --token ${token}`;
}
