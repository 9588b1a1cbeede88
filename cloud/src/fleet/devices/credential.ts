/** Device credentials, `fld_<deviceId>.<secret>`: MQTT password and bearer token. Pure. */
import { slug } from "@fieldloop/shared/ids";

const mark = "fld_";
const lengthMax = 200;

export function formatCredential(id: string, secret: string): string {
  return `${mark}${id}.${secret}`;
}

/** Whether a bearer token claims to be a device credential. */
export function looksLikeCredential(text: string): boolean {
  return text.startsWith(mark);
}

/** Takes a credential apart; `undefined` where it is none. */
export function parseCredential(
  text: string,
): { readonly id: string; readonly secret: string } | undefined {
  if (!looksLikeCredential(text) || text.length > lengthMax) return undefined;
  const dot = text.indexOf(".");
  const id = text.slice(mark.length, dot);
  const secret = text.slice(dot + 1);
  if (dot < 0 || secret === "" || !slug.safeParse(id).success) return undefined;
  return { id, secret };
}
