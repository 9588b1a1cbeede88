/** Every URL of the console, built in one place. */
const part = encodeURIComponent;

export const paths = {
  devices: (q?: string): string => (q ? `/devices?q=${part(q)}` : "/devices"),
  device: (id: string): string => `/devices/${part(id)}`,
  samples: (): string => "/samples",
  models: (): string => "/models",
  model: (name: string): string => `/models/${part(name)}`,
  version: (name: string, version: string): string => `/models/${part(name)}/v/${part(version)}`,
  compile: (): string => "/models/compile",
  compilations: (): string => "/models/compilations",
  compilation: (id: string): string => `/models/compilations/${part(id)}`,
  push: (): string => "/push",
  enrolment: (): string => "/enrolment",
  settings: (): string => "/settings",
  audit: (): string => "/audit",
  login: (next: string): string => `/login?next=${part(next)}`,
} as const;

/** Where to go after signing in: only a path of this console, never another origin. */
export function safeNext(next: string | undefined): string {
  if (next === undefined || !next.startsWith("/")) return "/devices";
  const leaves = next.startsWith("//") || next.includes("\\") || next.startsWith("/login");
  return leaves ? "/devices" : next;
}
