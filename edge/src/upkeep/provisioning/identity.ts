/** Who this device is to its cloud. Lies in one file that only its owner may read. */

import { AppError, messageOf } from "@fieldloop/shared/errors";
import { slug } from "@fieldloop/shared/ids";
import * as z from "zod/mini";
import type { Files } from "../../platform/files.ts";

const identitySchema = z.strictObject({
  v: z.literal(1),
  deviceId: slug,
  /** Secret: MQTT password and bearer token. */
  credential: z.string().check(z.minLength(1), z.maxLength(500)),
  cloudUrl: z.string(),
  mqttUrl: z.string(),
  topicRoot: slug,
  role: z.enum(["camera", "station"]),
});
export type Identity = z.infer<typeof identitySchema>;

/**
 * Reads the identity; `undefined` where the device has none yet.
 * @throws AppError `identity-broken` rather than to enrol a second time over it
 */
export async function readIdentity(files: Files, path: string): Promise<Identity | undefined> {
  const bytes = await files.read(path);
  if (bytes === undefined) return undefined;
  try {
    return identitySchema.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new AppError({
      code: "identity-broken",
      message: `${path} does not hold an identity (${messageOf(cause)}); restore it, or delete it and enrol again with a new claim token`,
      cause,
    });
  }
}

/** Writes the identity so that it survives a power cut. */
export function writeIdentity(files: Files, path: string, identity: Identity): Promise<void> {
  return files.writeAtomic(path, `${JSON.stringify(identity, null, 2)}\n`, 0o600);
}
