/** Seeded random numbers: the same seed gives the same run. */

/** @param {number} seed @returns {() => number} 0 to 1 (mulberry32) */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The seed of this run; SEED=n repeats a run. */
export const SEED = Number(process.env['SEED'] ?? 20261123);
