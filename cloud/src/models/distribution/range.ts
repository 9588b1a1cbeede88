/** `Range` of one part, as RFC 9110 (14) describes it. Pure. */

export type RangeAnswer =
  /** Send everything: no range was asked for, or one that may be ignored. */
  | { readonly kind: "whole" }
  /** Send these bytes; both ends are included. */
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  /** No byte of the blob lies in the range. */
  | { readonly kind: "unsatisfiable" };

/**
 * What to send of `size` bytes. A header that is no byte range, and one with several parts, is
 * ignored, as the standard allows.
 * @param ifRange a range holds only for the bytes the client has seen: any other tag sends all
 */
export function answerRange(
  header: string | undefined,
  ifRange: string | undefined,
  etag: string,
  size: number,
): RangeAnswer {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.replaceAll(" ", "") ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (match === null || (first === "" && last === "")) return { kind: "whole" };
  if (ifRange !== undefined && ifRange.trim() !== etag) return { kind: "whole" };
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0
      ? { kind: "unsatisfiable" }
      : { kind: "part", start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return { kind: "whole" }; // invalid, so ignored
  return start >= size ? { kind: "unsatisfiable" } : { kind: "part", start, end };
}
