/** Which device profile describes this board. */

import { AppError, messageOf } from "@fieldloop/shared/errors";
import { type DeviceProfile, deviceProfile } from "@fieldloop/shared/manifest/profile";
import type { Files } from "../../platform/files.ts";

/** Used where no profile is named and none recognises the board: safe everywhere. */
export const genericProfile: DeviceProfile = {
  schema: "fieldloop.profile/1",
  id: "generic-linux",
  title: "Any 64-bit Linux computer",
  architectures: ["arm64", "x64"],
  deviceTreeModels: [],
  providers: ["cpu"],
  intraOpThreads: 1,
  memoryBytesMax: 1024 ** 3,
  features: [],
  thermalFiles: ["/sys/class/thermal/thermal_zone0/temp"],
  notes: "",
};

/**
 * Finds the profile: the one named, else the one whose board name is in the device tree, else the
 * generic one.
 * @param folder holds one JSON file per profile, `<id>.json`
 * @throws AppError `profile-unknown` for a name that is not there
 */
export async function findProfile(options: {
  readonly files: Files;
  readonly folder: string;
  readonly wanted: string | undefined;
  /** Path of the board's name, /proc/device-tree/model. */
  readonly deviceTreeModel: string;
}): Promise<DeviceProfile> {
  const profiles = await readProfiles(options.files, options.folder);
  const { wanted } = options;
  if (wanted !== undefined) {
    const found = [...profiles, genericProfile].find(({ id }) => id === wanted);
    if (found !== undefined) return found;
    const known = [...new Set([...profiles.map(({ id }) => id), genericProfile.id])].join(", ");
    throw new AppError({
      code: "profile-unknown",
      message: `device.profile "${wanted}" is not known; choose one of ${known}, or leave it out`,
    });
  }
  const board = (await options.files.read(options.deviceTreeModel))?.toString("utf8") ?? "";
  const recognised = profiles.find(({ deviceTreeModels }) =>
    deviceTreeModels.some((name) => board.includes(name)),
  );
  return recognised ?? profiles.find(({ id }) => id === genericProfile.id) ?? genericProfile;
}

async function readProfiles(files: Files, folder: string): Promise<DeviceProfile[]> {
  const names = (await files.list(folder)).filter((name) => name.endsWith(".json"));
  const profiles = await Promise.all(names.map((name) => readProfile(files, `${folder}/${name}`)));
  return profiles.filter((profile) => profile !== undefined);
}

async function readProfile(files: Files, path: string): Promise<DeviceProfile | undefined> {
  const text = (await files.read(path))?.toString("utf8") ?? "";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw broken(path, messageOf(cause), cause);
  }
  // The folder also holds the profiles' JSON schema.
  if (typeof json !== "object" || json === null || !("schema" in json)) return undefined;
  const parsed = deviceProfile.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw broken(path, `${issue?.path.join(".")}: ${issue?.message}`, parsed.error);
}

function broken(path: string, reason: string, cause: unknown): AppError {
  return new AppError({
    code: "profile-broken",
    message: `the device profile ${path} cannot be used: ${reason}`,
    cause,
  });
}
