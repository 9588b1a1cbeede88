/**
 * Integer-hash randomness: everything random in the scene is drawn from a hash of what it belongs to
 * (camera, tick, purpose), so that any frame can be drawn again by itself, in any order.
 */

/** Numbers in [0, 1), each call the next of its stream. */
export type Random = () => number;

/** A 32-bit hash of a text (FNV-1a with a final avalanche). */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return avalanche(h);
}

/** A 32-bit hash of whole numbers; numbers above 2^32 count with their high part too. */
export function hashNumbers(...numbers: readonly number[]): number {
  let h = 0x9e3779b9;
  for (const n of numbers) {
    h = avalanche(h ^ (n | 0)) + Math.imul(Math.floor(n / 0x1_0000_0000) | 0, 0x85ebca6b);
  }
  return avalanche(h);
}

/** A stream of numbers that starts from a hash (the mulberry32 generator of Tommy Ettinger). */
export function randomFrom(...numbers: readonly number[]): Random {
  let state = hashNumbers(...numbers);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A number between two bounds. */
export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}

/** About normal, mean 0 and deviation 1: the sum of four uniforms, bounded at ±3.5. */
export function bell(random: Random): number {
  return (random() + random() + random() + random() - 2) * Math.sqrt(3);
}

/** The last step of MurmurHash3 (Austin Appleby, public domain). */
function avalanche(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
