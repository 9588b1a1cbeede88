/**
 * Watches the bytes of an MQTT connection go by and tells as soon as a packet announces more than
 * is allowed. Aedes' parser collects a packet of up to 256 MB before anyone is asked, also from
 * somebody who has not logged in.
 *
 * A packet is one byte of type and flags, then its remaining length in one to four bytes of seven
 * bits each, least significant first (MQTT 3.1.1, section 2.2.3).
 */
export class PacketMeter {
  /** Bytes of the current packet still to come. */
  #left = 0;
  #state: "type" | "length" | "body" = "type";
  #length = 0;
  #shift = 0;

  /** @returns bytes of a packet over `packetBytesMax`, or `undefined` while all is well */
  pass(chunk: Uint8Array, packetBytesMax: number): number | undefined {
    for (let i = 0; i < chunk.length; ) {
      if (this.#state === "body") {
        const step = Math.min(this.#left, chunk.length - i);
        this.#left -= step;
        i += step;
        if (this.#left === 0) this.#state = "type";
        continue;
      }
      const byte = chunk[i++] ?? 0; // i < length
      if (this.#state === "type") this.#begin();
      else if (this.#takesLength(byte) && this.#length > packetBytesMax) return this.#length;
    }
    return undefined;
  }

  #begin(): void {
    this.#state = "length";
    this.#length = 0;
    this.#shift = 0;
  }

  /** @returns whether the length is complete */
  #takesLength(byte: number): boolean {
    this.#length += (byte & 0x7f) * 2 ** this.#shift;
    this.#shift += 7;
    if (byte >= 0x80 && this.#shift < 28) return false;
    this.#left = this.#length;
    this.#state = this.#length > 0 ? "body" : "type";
    return true;
  }
}
