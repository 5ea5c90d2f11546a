/** The committed excerpts (tests/excerpts/generate.mjs), as frames. */

import { readFileSync } from 'node:fs';

export const EXCERPTS = ['piano', 'strings', 'drums'];
const HEADER_BYTES = 44;

/** @typedef {{left: Float32Array, right: Float32Array}} Sound */

/** @param {string} name @returns {Sound} */
export function excerpt(name) {
  const bytes = readFileSync(new URL(`../../excerpts/${name}.wav`, import.meta.url));
  const frames = (bytes.length - HEADER_BYTES) / 4;
  const channel = (/** @type {number} */ index) => Float32Array.from({ length: frames }, (_, frame) => bytes.readInt16LE(HEADER_BYTES + frame * 4 + index * 2) / 32768);
  return { left: channel(0), right: channel(1) };
}

/** The largest difference from one frame to the next within a stretch. @param {Sound} sound @param {number} [from] @param {number} [to] */
export function largestStep(sound, from = 1, to = sound.left.length) {
  let most = 0;
  for (const samples of [sound.left, sound.right]) {
    for (let frame = Math.max(1, from); frame < to; frame += 1) {
      most = Math.max(most, Math.abs(/** @type {number} */ (samples[frame]) - /** @type {number} */ (samples[frame - 1])));
    }
  }
  return most;
}
