/** The sound that a trace carries, as a function of the frame. Every sound returns to its beginning after whole packets. */

import { EXCERPTS, excerpt } from './excerpts.js';
import { returning } from './records.js';

/** @typedef {{packets: number, sampleAt: (frame: number) => [number, number]}} Carried packets: after which the sound repeats */

export const SOUNDS = ['sine', 'silence', ...EXCERPTS];

/** @param {string} name of SOUNDS @param {number} packetFrames @returns {Carried} */
export function carried(name, packetFrames) {
  if (name === 'silence') return { packets: 1, sampleAt: () => [0, 0] };
  if (name === 'sine') return { packets: 1, sampleAt: returning(packetFrames) };
  if (!EXCERPTS.includes(name)) throw new RangeError(`no sound is called "${name}": there are ${SOUNDS.join(', ')}`);
  const { left, right } = excerpt(name);
  const packets = Math.floor(left.length / packetFrames);
  const sample = (/** @type {Float32Array} */ channel, /** @type {number} */ frame) => Math.round(/** @type {number} */ (channel[frame]) * 32_768);
  return { packets, sampleAt: (frame) => [sample(left, frame), sample(right, frame)] };
}
