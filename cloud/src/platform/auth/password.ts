/** Passwords, hashed with scrypt (RFC 7914). The parameters are stored with each hash. */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";

/** About 100 ms and 32 MB; one of the sets OWASP's password storage sheet calls equivalent. */
const cost = { N: 2 ** 15, r: 8, p: 3 } as const;
const saltBytes = 16;
const hashBytes = 32;
/** Refuses to spend more than this on a stored hash whatever it says. */
const memoryBytesMax = 256 * 1024 * 1024;

/** `scrypt$N$r$p$salt$hash`, salt and hash in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, hashBytes, cost);
  const { N, r, p } = cost;
  return ["scrypt", N, r, p, salt.toString("base64url"), hash.toString("base64url")].join("$");
}

/** Checks a password against a stored hash. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [kind, N, r, p, salt = "", hash = ""] = stored.split("$");
  if (kind !== "scrypt") return false;
  const expected = Buffer.from(hash, "base64url");
  const options = { N: Number(N), r: Number(r), p: Number(p) };
  const actual = await derive(password, Buffer.from(salt, "base64url"), expected.length, options);
  return timingSafeEqual(actual, expected);
}

/** Spends the time of a check, so that an unknown e-mail address answers no faster than a known one. */
export async function pretendToVerify(password: string): Promise<false> {
  await derive(password, Buffer.alloc(saltBytes), hashBytes, cost);
  return false;
}

function derive(
  password: string,
  salt: Buffer,
  length: number,
  options: ScryptOptions,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const bounded = { ...options, maxmem: memoryBytesMax };
    scrypt(password.normalize("NFKC"), salt, length, bounded, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
