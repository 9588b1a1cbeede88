/** Messages that are not taken. Pure. */

/** A refused message, as it is shown. */
export interface Quarantined {
  readonly device: string;
  /** Channel, or the topic where it is none of the device's own. */
  readonly channel: string;
  readonly reason: string;
  readonly bytes: number;
  /** The beginning of the payload, readable. */
  readonly head: string;
}

export const quarantineLimits = {
  headBytesMax: 512,
  /** Characters of reason and channel. */
  textLengthMax: 300,
  /** Rows kept per device and day; beyond it messages are only counted. */
  rowsPerDayMax: 100,
} as const;

/** What is kept of a refused message. Reasons may quote what was sent, so they are cleaned too. */
export function quarantined(
  from: { readonly device: string; readonly channel: string },
  reason: string,
  payload: Uint8Array,
  bytes: number = payload.length,
): Quarantined {
  const { device, channel } = from;
  return {
    device,
    channel: readable(channel),
    reason: readable(reason),
    bytes,
    head: headOf(payload),
  };
}

/** The first bytes as text where they are text, else as hexadecimal digits. */
function headOf(payload: Uint8Array): string {
  const head = payload.subarray(0, quarantineLimits.headBytesMax);
  const text = new TextDecoder("utf-8").decode(head);
  // A cut in the middle of a character leaves one mark at the end, binary data leaves many.
  const odd = [...text].filter((c) => c === "\ufffd" || (c < " " && !"\t\r\n".includes(c)));
  return odd.length <= 1 && !text.includes("\0")
    ? text
    : `hex ${Buffer.from(head).toString("hex")}`;
}

/** Control characters and halves of characters replaced, which also makes it fit for storing. */
function readable(text: string): string {
  return text
    .slice(0, quarantineLimits.textLengthMax)
    .replace(/\p{Control}|\p{Surrogate}/gu, "\ufffd");
}
