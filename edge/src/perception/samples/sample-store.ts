/**
 * Kept samples: one sealed file each, written whole or not at all. What must be known of all of them
 * stands in the names, so the folder itself is the index: `TIME-WORTH-DIGEST.new`, or `.sent` once the
 * cloud has it.
 */
import { join } from "node:path";
import { messageOf } from "@fieldloop/shared/errors";
import { type SampleAnnouncement, sampleAnnouncement } from "@fieldloop/shared/samples/sample";
import { sha256Of } from "@fieldloop/shared-node/crypto/sha256";
import type { Files } from "../../platform/files.ts";
import { seal, unseal } from "./seal.ts";

export interface KeptSample {
  /** Of the picture as it was kept. */
  readonly digest: string;
  readonly about: SampleAnnouncement;
  readonly jpeg: Uint8Array;
}

export interface SampleEntry {
  readonly name: string;
  readonly at: number;
  readonly worth: number;
  readonly digest: string;
  readonly isSent: boolean;
  /** On the disk. */
  readonly bytes: number;
}

const fileName = /^(\d{1,15})-(\d)-([0-9a-f]{64})\.(new|sent)$/;

export interface SampleStoreOptions {
  readonly files: Files;
  readonly folder: string;
  readonly key: Uint8Array;
  readonly onFault: (message: string) => void;
}

export class SampleStore {
  readonly #options: SampleStoreOptions;
  /** By digest, in the order in which they were kept. */
  readonly #entries = new Map<string, SampleEntry>();

  constructor(options: SampleStoreOptions) {
    this.#options = options;
  }

  /** Reads the folder; what a crash left half done goes. */
  async open(): Promise<void> {
    const { files, folder } = this.#options;
    const found: SampleEntry[] = [];
    for (const name of await files.list(folder)) {
      const [, at, worth, digest, state] = fileName.exec(name) ?? [];
      if (digest === undefined) await files.remove(join(folder, name));
      else {
        const bytes = (await files.size(join(folder, name))) ?? 0;
        const isSent = state === "sent";
        found.push({ name, at: Number(at), worth: Number(worth), digest, isSent, bytes });
      }
    }
    for (const entry of found.sort((a, b) => a.at - b.at)) this.#entries.set(entry.digest, entry);
  }

  get entries(): readonly SampleEntry[] {
    return [...this.#entries.values()];
  }

  has(digest: string): boolean {
    return this.#entries.has(digest);
  }

  /**
   * Keeps a sample; what is wanted less makes room for it.
   * @returns whether there was room
   */
  async keep(
    { digest, about, jpeg }: KeptSample,
    worth: number,
    bytesMax: number,
  ): Promise<boolean> {
    const { files, folder, key } = this.#options;
    const meta = Buffer.from(JSON.stringify(about));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(meta.length);
    const sealed = seal(Buffer.concat([length, meta, jpeg]), key, `sample ${digest}`);
    if (!(await this.#makeRoom(sealed.length, worth, bytesMax))) return false;
    const at = Math.round(about.capturedAt);
    const name = `${at}-${worth}-${digest}.new`;
    await files.writeAtomic(join(folder, name), sealed, 0o600);
    this.#entries.set(digest, { name, at, worth, digest, isSent: false, bytes: sealed.length });
    return true;
  }

  /** The sample, or `undefined` where it is gone or damaged; a damaged one is told and removed. */
  async read(digest: string): Promise<KeptSample | undefined> {
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    const { files, folder, key, onFault } = this.#options;
    try {
      const sealed = await files.read(join(folder, entry.name));
      if (sealed === undefined) throw new Error("the file is gone");
      const plain = unseal(sealed, key, `sample ${digest}`);
      const end = 4 + plain.readUInt32LE(0);
      const about = sampleAnnouncement.parse(JSON.parse(plain.toString("utf8", 4, end)));
      const jpeg = plain.subarray(end);
      if (sha256Of(jpeg) !== digest) throw new Error("it is another picture than its name says");
      return { digest, about, jpeg };
    } catch (error) {
      await this.remove(digest);
      onFault(`a sample was dropped: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** The cloud has it: from now on it is the first to go when room is short. */
  async sent(digest: string): Promise<void> {
    const entry = this.#entries.get(digest);
    if (entry === undefined || entry.isSent) return;
    const { files, folder } = this.#options;
    const name = entry.name.replace(/new$/, "sent");
    await files.rename(join(folder, entry.name), join(folder, name));
    this.#entries.set(digest, { ...entry, name, isSent: true });
  }

  async remove(digest: string): Promise<void> {
    const entry = this.#entries.get(digest);
    if (entry === undefined) return;
    this.#entries.delete(digest);
    await this.#options.files.remove(join(this.#options.folder, entry.name));
  }

  async #makeRoom(bytes: number, worth: number, bytesMax: number): Promise<boolean> {
    let used = this.entries.reduce((sum, entry) => sum + entry.bytes, 0);
    if (bytes > bytesMax) return false;
    const leaving = leavingOrder(this.entries).filter(
      (entry) => entry.isSent || entry.worth <= worth,
    );
    const freed = leaving.reduce((sum, entry) => sum + entry.bytes, 0);
    if (used - freed + bytes > bytesMax) return false;
    for (const entry of leaving) {
      if (used + bytes <= bytesMax) break;
      await this.remove(entry.digest);
      used -= entry.bytes;
    }
    return true;
  }
}

/** Who goes first: what the cloud has, then what is wanted least, then what is oldest. */
export function leavingOrder(entries: readonly SampleEntry[]): SampleEntry[] {
  return [...entries].sort(
    (a, b) => Number(b.isSent) - Number(a.isSent) || a.worth - b.worth || a.at - b.at,
  );
}
