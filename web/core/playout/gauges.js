/**
 * The audio thread's figures for the page, written into the control words.
 *
 * In: numbers of one block. Out: control words (controls.js). Belongs elsewhere: reading them (readPlayout), deciding.
 * No method makes an object.
 */

import { DRIFT_ONE, EVENTS, EVENT_WORDS, FRACTION_ONE, HEARD_ONE, LEAD_ONE, PEAK_ONE } from './constants.js';
import { COUNT, SUM } from '../sound/hearing.js';
import { EVENTS_AT, WHAT_IF_AT, WHAT_IF_LATE_AT, WORD } from './controls.js';

/** Indices of Gauges.fractions: the fraction beyond the position of the block's first frame; the lead, frames; the speed, a ratio. */
export const GAUGE = Object.freeze({ FRACTION: 0, LEAD: 1, SPEED: 2 });

/** Twice full scale; a meter shows any higher value in the same red. */
const PEAK_MOST = 2 * PEAK_ONE;

export class Gauges {
  /** The caller puts fractions here: passed as arguments, each could become an object. */
  fractions = new Float64Array(3);

  #words;
  #hasSounded = false;

  /** @param {Int32Array} words */
  constructor(words) {
    this.#words = words;
  }

  /** @returns {number} one of MODE, chosen by the page */
  get mode() {
    return Atomics.load(this.#words, WORD.MODE);
  }

  /** @returns {number} */
  get fixedUs() {
    return Atomics.load(this.#words, WORD.FIXED_US);
  }

  /** @param {number} word a counter of WORD @param {number} times */
  add(word, times) {
    Atomics.add(this.#words, word, times);
  }

  /**
   * Notes which stream frame (with fractions[FRACTION] beyond it) coincided with which context frame.
   *
   * @param {number} position of the block's first frame @param {number} contextFrame @param {number} frames
   * @param {number} reachFrames that this block and the next may read from there on
   */
  stamp(position, contextFrame, frames, reachFrames) {
    const words = this.#words;
    const fraction = /** @type {number} */ (this.fractions[GAUGE.FRACTION]);
    Atomics.add(words, WORD.STAMP, 1);
    Atomics.store(words, WORD.READ_POSITION, position);
    Atomics.store(words, WORD.READ_FRACTION, Math.floor(fraction * FRACTION_ONE));
    Atomics.store(words, WORD.READ_CONTEXT_FRAME, contextFrame | 0);
    Atomics.add(words, WORD.STAMP, 1);
    Atomics.store(words, WORD.BLOCK_FRAMES, frames);
    Atomics.store(words, WORD.REACH_FRAMES, reachFrames);
    Atomics.add(words, WORD.BLOCK_COUNT, 1);
  }

  /**
   * Uses fractions[LEAD] and [SPEED].
   *
   * @param {number} state of PLAYOUT @param {import('./target.js').LeadTarget} target
   */
  steering(state, target) {
    const words = this.#words;
    const lead = /** @type {number} */ (this.fractions[GAUGE.LEAD]);
    const speed = /** @type {number} */ (this.fractions[GAUGE.SPEED]);
    Atomics.store(words, WORD.PLAYOUT_STATE, state);
    Atomics.store(words, WORD.LEVEL, Math.round(lead * LEAD_ONE));
    Atomics.store(words, WORD.TARGET, target.frames * LEAD_ONE);
    Atomics.store(words, WORD.REQUIRED_FRAMES, target.requiredFrames);
    Atomics.store(words, WORD.SPEED, Math.round(speed * DRIFT_ONE));
  }

  /** @param {import('./what_if.js').WhatIf} whatIf */
  whatIf(whatIf) {
    const words = this.#words;
    Atomics.store(words, WORD.WHAT_IF_SECONDS, whatIf.seconds);
    const { events, lateFrames } = whatIf;
    for (let at = 0; at < events.length; at += 1) {
      words[WHAT_IF_AT + at] = /** @type {number} */ (events[at]);
      words[WHAT_IF_LATE_AT + at] = /** @type {number} */ (lateFrames[at]);
    }
  }

  /**
   * Notes that sound which had broken off is back, with only the network to blame.
   *
   * @param {number} frames that were missed @param {boolean} isSameEvent the sound had been back only briefly: one glitch
   *   @param {number} contextFrame
   */
  late(frames, isSameEvent, contextFrame) {
    const words = this.#words;
    const count = Atomics.load(words, WORD.EVENT_COUNT);
    const joins = isSameEvent && count > 0;
    const at = EVENTS_AT + ((joins ? count - 1 : count) % EVENTS) * EVENT_WORDS;
    Atomics.store(words, at, contextFrame | 0);
    if (joins) {
      Atomics.add(words, at + 1, frames);
      return;
    }
    Atomics.store(words, at + 1, frames);
    Atomics.add(words, WORD.EVENT_COUNT, 1);
    Atomics.add(words, WORD.LATE_COUNT, 1);
  }

  /** The highest absolute samples of the block. @param {Float32Array} left @param {Float32Array} right */
  peaks(left, right) {
    let peakLeft = 0;
    let peakRight = 0;
    for (let frame = 0; frame < left.length; frame += 1) {
      peakLeft = Math.max(peakLeft, Math.abs(/** @type {number} */ (left[frame])));
      peakRight = Math.max(peakRight, Math.abs(/** @type {number} */ (right[frame])));
    }
    this.#raise(WORD.PEAK_LEFT, Math.min(peakLeft * PEAK_ONE, PEAK_MOST) | 0);
    this.#raise(WORD.PEAK_RIGHT, Math.min(peakRight * PEAK_ONE, PEAK_MOST) | 0);
  }

  /** Adds frames of silence or guess. Silence before the first sound does not count. @param {number} frames */
  missing(frames) {
    if (this.#hasSounded && frames > 0) Atomics.add(this.#words, WORD.MISSING_FRAMES, frames);
  }

  /** What the listener noticed of the missing frames. @param {Float64Array} heard Hearing.heard */
  heard(heard) {
    Atomics.store(this.#words, WORD.HEARD, Math.round(/** @type {number} */ (heard[SUM]) * HEARD_ONE));
    Atomics.store(this.#words, WORD.HEARD_COUNT, /** @type {number} */ (heard[COUNT]) | 0);
  }

  /** Notes that sound is audible; only the first time counts. @param {number} contextFrame */
  sounds(contextFrame) {
    if (this.#hasSounded) return;
    this.#hasSounded = true;
    Atomics.store(this.#words, WORD.FIRST_SOUND_CONTEXT_FRAME, contextFrame | 0);
    Atomics.store(this.#words, WORD.HAS_SOUNDED, 1);
  }

  /** @param {number} word @param {number} value kept if it is the highest since the page's last look */
  #raise(word, value) {
    if (value > Atomics.load(this.#words, word)) Atomics.store(this.#words, word, value);
  }
}
