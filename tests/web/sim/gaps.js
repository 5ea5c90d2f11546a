/** A listener with gaps, reduced to the task of concealment: blocks pass, frames are missing, and sound returns at its place. */

import { OVERLAP_FRAMES, RE_ENTRY_FRAMES } from '../../../web/core/sound/constants.js';
import { Concealer, RE_ENTRY } from '../../../web/core/sound/concealment.js';
import { FADE_IN, Tail } from './tail.js';

/** @typedef {import('./excerpts.js').Sound} Sound */
/** @typedef {{from: number, frames: number}} Gap */

/**
 * A method to bridge a gap.
 *
 * @typedef {object} Way
 * @property {(left: Float32Array, right: Float32Array, from: number, frames: number) => void} remember
 * @property {(frames: number) => void} [prepare]
 * @property {() => void} begin
 * @property {(left: Float32Array, right: Float32Array, at: number, frames: number) => void} predict
 * @property {() => void} [beginReturn] called when real frames are back
 * @property {number} returnFrames length of the return
 * @property {(frame: number) => number} rise gain of the real sound during the return
 * @property {(frame: number) => number} fall gain of the guess during the return
 */

/** @param {number} [always] the crossfade law of every return; by default the one that fits @returns {Way} the product's method */
export function concealed(always) {
  const concealer = new Concealer();
  let table = /** @type {Float32Array} */ (RE_ENTRY[0]);
  return {
    remember: (left, right, from, frames) => concealer.remember(left, right, from, frames),
    prepare: (frames) => concealer.prepare(frames),
    begin: () => concealer.begin(),
    predict: (left, right, at, frames) => concealer.predict(left, right, at, frames),
    beginReturn: () => (table = /** @type {Float32Array} */ (RE_ENTRY[always ?? concealer.law])),
    returnFrames: RE_ENTRY_FRAMES,
    rise: (frame) => /** @type {number} */ (table[frame]),
    fall: (frame) => /** @type {number} */ (table[RE_ENTRY_FRAMES - 1 - frame]),
  };
}

/** @returns {Way} the former method: the newest 5.8 ms backwards under a fade, then a fade-in of 10 ms */
export function faded() {
  const tail = new Tail();
  return {
    remember: (left, right, from, frames) => {
      for (let frame = from; frame < from + frames; frame += 1) tail.remember(Number(left[frame]), Number(right[frame]));
    },
    begin: () => tail.begin(),
    predict: (left, right, at, frames) => {
      for (let frame = at; frame < at + frames; frame += 1) {
        if (tail.active) tail.step();
        else tail.left = tail.right = 0;
        left[frame] = tail.left;
        right[frame] = tail.right;
      }
    },
    returnFrames: OVERLAP_FRAMES,
    rise: (frame) => /** @type {number} */ (FADE_IN[frame]),
    fall: () => 1,
  };
}

/**
 * The sound that is heard.
 *
 * @param {Sound} sound @param {Gap[]} gaps ascending, apart @param {Way} way @param {number} [blockFrames] @returns {Sound}
 */
export function heard(sound, gaps, way, blockFrames = 128) {
  const frames = sound.left.length;
  const out = { left: sound.left.slice(), right: sound.right.slice() };
  const guess = { left: new Float32Array(frames), right: new Float32Array(frames) };
  /** @type {(from: number, to: number, gap: Gap | undefined) => void} plays a stretch within one block and one condition */
  const play = (from, to, gap) => {
    const back = gap ? from - gap.from - gap.frames : 0;
    if (gap) {
      if (from === gap.from) way.begin();
      if (back === 0) way.beginReturn?.();
      way.predict(guess.left, guess.right, from, to - from);
      for (const side of /** @type {const} */ (['left', 'right'])) {
        for (let frame = from; frame < to; frame += 1) {
          const guessed = Number(guess[side][frame]);
          const step = back + frame - from;
          out[side][frame] = back < 0 ? guessed : Number(sound[side][frame]) * way.rise(step) + guessed * way.fall(step);
        }
      }
    }
    way.remember(out.left, out.right, from, to - from);
  };
  let next = 0;
  for (let block = 0; block < frames; block += blockFrames) {
    const end = Math.min(frames, block + blockFrames);
    for (let from = block; from < end;) {
      const gap = gaps[next];
      const edges = gap ? [gap.from, gap.from + gap.frames, gap.from + gap.frames + way.returnFrames] : [];
      const to = Math.min(end, ...edges.filter((edge) => edge > from));
      play(from, to, gap && from >= gap.from ? gap : undefined);
      if (to === edges[2]) next += 1;
      from = to;
    }
    way.prepare?.(end - block);
  }
  return out;
}

/** @param {Sound} sound @param {Sound} other @returns {number} the energy of the difference */
export function errorEnergy(sound, other) {
  let sum = 0;
  for (const side of /** @type {const} */ (['left', 'right'])) {
    sound[side].forEach((sample, frame) => (sum += (sample - Number(other[side][frame])) ** 2));
  }
  return sum;
}

/**
 * Gaps of one length, spread over a sound.
 *
 * @param {number} soundFrames @param {number} frames of each gap @param {() => number} random @returns {Gap[]}
 */
export function gapsOf(soundFrames, frames, random) {
  /** Far enough apart for the model to see undisturbed sound. */
  const spacing = 6000;
  /** @type {Gap[]} */
  const gaps = [];
  for (let at = 2500; ; at += spacing) {
    const from = at + Math.floor(random() * spacing * 0.6);
    if (from + frames + 1000 > soundFrames) return gaps;
    gaps.push({ from, frames });
  }
}
