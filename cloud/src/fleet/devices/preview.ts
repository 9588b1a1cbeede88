/** What arrives with a preview: the result to draw on it. */
import { AppError } from "@fieldloop/shared/errors";
import * as z from "zod/mini";

/** Node itself refuses headers above 16 KiB in all. */
const headerLengthMax = 12 * 1024;
const result = z.record(z.string(), z.unknown());

/** The result in a preview's header: base64url of a JSON object; nothing for no header. */
export function parsePreviewHeader(
  header: string | string[] | undefined,
): Readonly<Record<string, unknown>> {
  if (header === undefined) return {};
  if (typeof header !== "string" || header.length > headerLengthMax) throw badHeader();
  try {
    return result.parse(JSON.parse(Buffer.from(header, "base64url").toString("utf8")));
  } catch (cause) {
    throw badHeader(cause);
  }
}

/** JPEG files begin with SOI and another marker (ITU-T T.81, B.1.1.3). */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes.length > 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

function badHeader(cause?: unknown): AppError {
  return new AppError({
    code: "preview-header",
    message: `the result beside a preview is base64url of a JSON object, at most ${headerLengthMax} characters`,
    cause,
  });
}
