/** Which device profile (firmware manifest) fits this board, and so which processors to try. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError, messageOf } from "@fieldloop/shared/errors";
import { type DeviceProfile, deviceProfile } from "@fieldloop/shared/manifest/profile";
import { prettifyError } from "zod/mini";

/** The profiles that come with the project. */
export const profilesFolder = fileURLToPath(
  new URL("../../../../firmware-manifests", import.meta.url),
);

/** What a board says about itself. */
export interface Board {
  /** As `process.arch`. */
  readonly architecture: string;
  /** Text of /proc/device-tree/model; `null` on computers that have none, such as PCs. */
  readonly deviceTreeModel: string | null;
}

export interface ChosenProfile {
  readonly profile: DeviceProfile;
  /** How it was found, for the status: "named", "board" (device tree) or "architecture". */
  readonly by: "named" | "board" | "architecture";
}

/**
 * Chooses a profile: the named one; or the one whose board name is the longest that the device tree
 * contains; or one without board names for this architecture.
 * @throws AppError `unknown-profile` where a name is not known, is for another architecture, or
 *   nothing fits
 */
export function chooseProfile(
  profiles: readonly DeviceProfile[],
  board: Board,
  name: string | null,
): ChosenProfile {
  const fitting = profiles.filter(({ architectures }) =>
    architectures.some((architecture) => architecture === board.architecture),
  );
  if (name !== null) return { profile: named(profiles, fitting, board, name), by: "named" };
  const found = byBoard(fitting, board.deviceTreeModel ?? "");
  if (found !== undefined) return { profile: found, by: "board" };
  const general = fitting.find(({ deviceTreeModels }) => deviceTreeModels.length === 0);
  if (general !== undefined) return { profile: general, by: "architecture" };
  throw unknown(`no device profile is for ${board.architecture}; known are ${list(profiles)}`);
}

/**
 * Reads the profiles of a folder.
 * @throws AppError `bad-profile` naming the file that does not fit the schema
 */
export async function readProfiles(folder: string = profilesFolder): Promise<DeviceProfile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(names.map((name) => readProfile(join(folder, name))));
}

/** Reads what this computer says about itself. */
export async function readBoard(): Promise<Board> {
  // The file ends with a zero byte and is missing wherever there is no device tree.
  const text = await readFile("/proc/device-tree/model", "utf8").catch(() => null);
  return { architecture: process.arch, deviceTreeModel: text?.replaceAll("\0", "").trim() ?? null };
}

async function readProfile(path: string): Promise<DeviceProfile> {
  let reason: string;
  try {
    const parsed = deviceProfile.safeParse(JSON.parse(await readFile(path, "utf8")));
    if (parsed.success) return parsed.data;
    reason = prettifyError(parsed.error).replaceAll("\n", " ");
  } catch (error) {
    reason = messageOf(error);
  }
  throw new AppError({
    code: "bad-profile",
    message: `the device profile ${path} is wrong: ${reason}`,
  });
}

function named(
  profiles: readonly DeviceProfile[],
  fitting: readonly DeviceProfile[],
  board: Board,
  name: string,
): DeviceProfile {
  const profile = fitting.find(({ id }) => id === name);
  if (profile !== undefined) return profile;
  if (profiles.some(({ id }) => id === name)) {
    throw unknown(
      `the device profile "${name}" is not for ${board.architecture}; for this computer there are ${list(fitting)}`,
    );
  }
  throw unknown(`there is no device profile "${name}"; known are ${list(profiles)}`);
}

function byBoard(profiles: readonly DeviceProfile[], model: string): DeviceProfile | undefined {
  const matches = profiles.flatMap((profile) =>
    profile.deviceTreeModels
      .filter((text) => text !== "" && model.includes(text))
      .map((text) => ({ profile, length: text.length })),
  );
  return matches.sort((a, b) => b.length - a.length)[0]?.profile;
}

function list(profiles: readonly DeviceProfile[]): string {
  return profiles.map(({ id }) => id).join(", ") || "none";
}

function unknown(message: string): AppError {
  return new AppError({ code: "unknown-profile", message });
}
