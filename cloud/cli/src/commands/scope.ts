import type { Scope } from "@fieldloop/shared/permissions";

/** The part of the fleet that options name; where they name nothing, all of it. */
export function scopeFrom(options: {
  readonly site?: readonly string[];
  readonly group?: readonly string[];
}): { sites: string[] | null; groups: string[] | null } {
  return {
    sites: options.site ? [...options.site] : null,
    groups: options.group ? [...options.group] : null,
  };
}

/** How a scope reads. */
export function scopeText({ sites, groups }: Scope): string {
  const parts = [
    sites === null ? "" : `sites ${sites.join(", ")}`,
    groups === null ? "" : `groups ${groups.join(", ")}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "everything" : parts.join("; ");
}
