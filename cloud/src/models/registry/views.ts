/** The registry as the API shows it. */
import type { ModelSummary, ModelVersion } from "@fieldloop/shared/contract/models";
import { devicesRunning } from "../../fleet/devices/reads.ts";
import type { Db } from "../../platform/db.ts";
import { unknownModel } from "./promote.ts";
import { type Alias, listAliases, listVersions } from "./reads.ts";
import type { Version } from "./registry.ts";

/** Models by name, each with its aliases. */
export async function modelSummaries(db: Db): Promise<ModelSummary[]> {
  const [versions, aliases] = await Promise.all([listVersions(db), listAliases(db)]);
  const newest = new Map<string, { version: Version; count: number }>();
  for (const version of versions) {
    const known = newest.get(version.name); // versions come highest first
    newest.set(version.name, {
      version: known?.version ?? version,
      count: (known?.count ?? 0) + 1,
    });
  }
  return [...newest.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { version, count }]) => {
      const own = aliases.filter((alias) => alias.name === name).map(withoutName);
      return { name, task: version.task, versions: count, newest: version.version, aliases: own };
    });
}

/** Versions of a model, highest first; 404 where there is no such model. */
export async function versionViews(db: Db, name: string): Promise<ModelVersion[]> {
  const versions = await listVersions(db, name);
  if (versions.length === 0) throw await unknownModel(db, name);
  return await withUse(db, name, versions);
}

/** One version. */
export async function versionView(db: Db, version: Version): Promise<ModelVersion> {
  const [view] = await withUse(db, version.name, [version]);
  return view as ModelVersion; // one in, one out
}

async function withUse(db: Db, name: string, versions: readonly Version[]) {
  const [aliases, cameras] = await Promise.all([listAliases(db, name), devicesRunning(db, name)]);
  return versions.map(({ content: _content, manifestBytes: _size, warnings, ...shown }) => {
    const pointing = aliases.filter(({ version }) => version === shown.version);
    const { running = 0, desired = 0 } = cameras.get(shown.version) ?? {};
    const names = pointing.map(({ alias }) => alias);
    return { ...shown, warnings: [...warnings], aliases: names, running, desired };
  });
}

export function withoutName({ name: _name, ...alias }: Alias): Omit<Alias, "name"> {
  return alias;
}
