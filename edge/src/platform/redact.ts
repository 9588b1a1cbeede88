/**
 * Takes credentials out of text that people and the cloud will read: names and passwords in URLs,
 * and values of query parameters whose names say that they are secret. Pure.
 */

/** `scheme://user:password@`; passwords may hold an `@`, so the last one before the path counts. */
const userinfo = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>]*@/gi;
const secretParameter =
  /([?&;](?:[a-z_-]*(?:pass|pwd|token|secret|auth|credential|signature|sig|key)[a-z_-]*|user(?:name)?|usr|login)=)[^&;\s"'<>#]+/gi;

export function redact(text: string): string {
  return text.replace(userinfo, "$1***@").replace(secretParameter, "$1***");
}

/**
 * A function that also takes out the passwords of the URLs in these texts wherever they turn up, as
 * when a program prints one on its own.
 */
export function redactorOf(texts: readonly string[]): (text: string) => string {
  const secrets = [...new Set(texts.flatMap(secretsOf))].sort((a, b) => b.length - a.length);
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "***"), redact(text));
}

/** A name or password shorter than this would be found in ordinary words. */
const secretCharsMin = 4;

const urls = /[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi;

function secretsOf(text: string): string[] {
  return (text.match(urls) ?? [])
    .filter((url) => URL.canParse(url))
    .map((url) => new URL(url).password)
    .flatMap((password) => [password, decoded(password)])
    .filter(({ length }) => length >= secretCharsMin);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % stands for itself
  }
}
