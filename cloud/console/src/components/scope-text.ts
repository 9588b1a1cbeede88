import type { Scope } from "@fieldloop/shared/permissions";
import { t } from "../text/t.ts";
import { tp } from "../text/t-people.ts";

/** Which part of the fleet a scope covers, in words. */
export function scopeText({ sites, groups }: Scope): string {
  const parts = [
    ...(sites === null ? [] : [tp("people.scopeSites", { names: sites.join(", ") })]),
    ...(groups === null ? [] : [tp("people.scopeGroups", { names: groups.join(", ") })]),
  ];
  return parts.length === 0 ? t("word.everywhere") : parts.join("; ");
}

/** Names separated by commas; nothing at all means no limit. */
export function namesOf(text: FormDataEntryValue | null): string[] | null {
  const names = (typeof text === "string" ? text : "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length === 0 ? null : names;
}
