import type { Compilation } from "@fieldloop/shared/contract/compilations";
import type { Platform } from "../../platform/context.ts";
import { findCompilation } from "./store.ts";

/** Tells watchers what a compilation is like now; call it after the commit. */
export async function announce(
  { db, live }: Pick<Platform, "db" | "live">,
  id: string,
): Promise<Compilation | undefined> {
  const compilation = await findCompilation(db, id);
  if (compilation !== undefined) live.publish({ kind: "compilation", compilation });
  return compilation;
}
