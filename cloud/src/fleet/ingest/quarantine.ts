/** A refused message, as it is shown. */
export interface Quarantined {
  readonly device: string;
  readonly channel: string;
  readonly reason: string;
  readonly bytes: number;
  /** The beginning of the payload, readable. */
  readonly head: string;
}

export const quarantineLimits = {
  headBytesMax: 512,
  /** Rows kept per device and day; beyond it messages are only counted. */
  rowsPerDayMax: 100,
} as const;

/** The first bytes as text where they are text, else as hexadecimal digits. */
export function headOf(payload: Uint8Array): string {
  const head = payload.subarray(0, quarantineLimits.headBytesMax);
  const text = new TextDecoder("utf-8").decode(head);
  // A cut in the middle of a character leaves one mark at the end, binary data leaves many.
  const odd = [...text].filter((c) => c === "\ufffd" || (c < " " && !"\t\r\n".includes(c)));
  return odd.length <= 1 && !text.includes("\0")
    ? text
    : `hex ${Buffer.from(head).toString("hex")}`;
}
