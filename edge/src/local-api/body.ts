import type { IncomingMessage } from "node:http";
import { AppError } from "@fieldloop/shared/errors";

/**
 * Reads a request's body into memory, up to a limit.
 * @throws AppError `body-oversized` (413), without reading further, or `body-empty` (400)
 */
export async function readBytes(
  request: IncomingMessage,
  bytesMax: number,
  { mayBeEmpty = false, setting = " (frameBytesMax)" } = {},
): Promise<Buffer> {
  const oversized = new AppError({
    code: "body-oversized",
    message: `the body is larger than the ${bytesMax} bytes allowed${setting}`,
    status: 413,
  });
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) throw oversized;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not `for await`: leaving it early would destroy the socket before the answer is sent.
  await new Promise<void>((resolve, reject) => {
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        request.pause();
        reject(oversized);
      } else chunks.push(chunk);
    });
    request.on("end", resolve);
    request.on("error", reject);
  });
  if (bytes > 0 || mayBeEmpty) return Buffer.concat(chunks, bytes);
  throw new AppError({
    code: "body-empty",
    message: "the request has no body; send the bytes of a JPEG, PNG or WebP image",
  });
}
