/** Where an id falls in [0, 1), the same on every machine (FNV-1a, then MurmurHash3's 32-bit finaliser). */
export function hashUnit(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * Consistent sampling: whoever asks about the same id gets the same answer, and a smaller share
 * picks a subset of a larger one. So a station that labels 2 % of the frames labels only frames
 * whose results an agent that reports 5 % has reported.
 * @param share from 0 (none) to 1 (all)
 */
export function isSampled(id: string, share: number): boolean {
  return hashUnit(id) < share;
}
