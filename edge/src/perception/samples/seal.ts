/** Encryption at rest: AES-256-GCM with the device's key (NIST SP 800-38D, 96-bit random nonces). */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { AppError } from "@fieldloop/shared/errors";
import type { Files } from "../../platform/files.ts";

const [nonceBytes, tagBytes, keyBytes] = [12, 16, 32];
const algorithm = "aes-256-gcm";

/**
 * @param what names the sealed thing: it can be opened under this name only
 * @returns nonce, tag, then the ciphertext
 */
export function seal(plain: Uint8Array, key: Uint8Array, what: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(what));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** @throws AppError `sealed-damaged` where it was changed, cut, or sealed with another key or name */
export function unseal(sealed: Uint8Array, key: Uint8Array, what: string): Buffer {
  try {
    const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    })
      .setAAD(Buffer.from(what))
      .setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
    const text = sealed.subarray(nonceBytes + tagBytes);
    return Buffer.concat([decipher.update(text), decipher.final()]);
  } catch (cause) {
    throw new AppError({
      code: "sealed-damaged",
      message: `${what} cannot be opened: it is damaged, or was written with another key`,
      cause,
    });
  }
}

/** Bytes that sealing adds. */
export const sealBytes = nonceBytes + tagBytes;

/**
 * The device's key; made where there is none.
 * @throws AppError `device-key` where the file is no key
 */
export async function deviceKey(files: Files, path: string): Promise<Uint8Array> {
  const known = await files.read(path);
  if (known === undefined) {
    const key = randomBytes(keyBytes);
    await files.writeAtomic(path, key, 0o600);
    return key;
  }
  if (known.length === keyBytes) return known;
  throw new AppError({
    code: "device-key",
    message: `${path} is no device key: it has ${known.length} bytes and not ${keyBytes}; put the right file back, or delete it together with the samples folder`,
  });
}
