/**
 * Counts, on the blocks that are played, the late events that many other leads would have had (Jamulus' shadow buffers, each
 * reduced to a few integers).
 *
 * In: the lead that each block required, and the explanation of a silence. Out: late events per candidate. A gap never moves the
 * timeline, and every lead is held by the same law (reference.js). So the count for a lead equals the events that a listener with
 * that lead hears; the reader's terms in playout.js have the same meaning here. No clock is read: time is counted in frames.
 * The audio thread calls this: no method makes an object.
 */

import { STREAM_RATE_HZ } from '../constants.js';
import { LEAD_MS_MIN, WHAT_IF_FACTOR, WHAT_IF_LEADS } from './constants.js';
import { LeadCounter } from './lead_counter.js';
import { framesOf } from '../units.js';

/** The candidate leads, ms: 4 to 1,014. */
export const LEADS_MS = Object.freeze(Array.from({ length: WHAT_IF_LEADS }, (_, index) => LEAD_MS_MIN * WHAT_IF_FACTOR ** index));

export class WhatIf {
  /** Late events per candidate, counted when the sound returns, and the frames of their blocks. */
  events = new Int32Array(WHAT_IF_LEADS);
  lateFrames = new Int32Array(WHAT_IF_LEADS);
  seconds = 0;

  /** Number of leads that are interrupted. They are the first ones in the table, because shorter leads break off first. */
  #interrupted = 0;
  #counter;
  #secondFramesMost;
  /**
   * For each interrupted lead: the end of the arrived frames, the frames since, whether the last event continues, whether there
   * is another cause.
   */
  #brokeOffAt = new Int32Array(WHAT_IF_LEADS);
  #brokenFrames = new Int32Array(WHAT_IF_LEADS);
  #isSameEvent = new Uint8Array(WHAT_IF_LEADS);
  #isExplained = new Uint8Array(WHAT_IF_LEADS);
  #secondFrames = 0;
  #isFirst = true;

  /** @param {number} [streamRateHz] */
  constructor(streamRateHz = STREAM_RATE_HZ) {
    this.#counter = new LeadCounter(Int32Array.from(LEADS_MS, (ms) => framesOf(ms, streamRateHz)), streamRateHz);
    this.#secondFramesMost = streamRateHz;
  }

  /** Call this when a new timeline begins: no lead waits for the old one. */
  begin() {
    this.#interrupted = 0;
    this.#isFirst = true;
    this.#counter.begin();
  }

  /** The frames from a position on do not exist, so a lead that waits for them is not late. @param {number} position */
  explain(position) {
    for (let at = 0; at < this.#interrupted; at += 1) if (this.#brokeOffAt[at] === position) this.#isExplained[at] = 1;
  }

  /**
   * Handles one block.
   *
   * @param {number} requiredFrames the lead that it required @param {number} blockFrames of the stream
   * @param {number} write position after the newest frame @param {boolean} silenceExpected the instrument gives no sound
   */
  observe(requiredFrames, blockFrames, write, silenceExpected) {
    if (silenceExpected) this.#isExplained.fill(1, 0, this.#interrupted);
    const late = this.#counter.lateFor(requiredFrames);
    for (let at = this.#interrupted - 1; at >= late; at -= 1) this.#return(at);
    for (let at = this.#interrupted; at < late; at += 1) this.#breakOff(at, write);
    this.#interrupted = late;
    this.#isFirst = false;
    if (!silenceExpected) this.#spend(blockFrames);
    this.#counter.advance(blockFrames);
  }

  /** @param {number} at @param {number} write */
  #breakOff(at, write) {
    this.#brokeOffAt[at] = write;
    this.#isSameEvent[at] = this.#counter.isNew(at) ? 0 : 1;
    this.#brokenFrames[at] = 0;
    // Sound that has not begun cannot break off.
    this.#isExplained[at] = this.#isFirst ? 1 : 0;
  }

  /** @param {number} at */
  #return(at) {
    if (this.#isExplained[at] === 1) {
      this.lateFrames[at] = (/** @type {number} */ (this.lateFrames[at]) - /** @type {number} */ (this.#brokenFrames[at])) | 0;
      return;
    }
    if (this.#isSameEvent[at] === 0) this.events[at] = /** @type {number} */ (this.events[at]) + 1;
    this.#counter.mark(at);
  }

  /** @param {number} blockFrames in which sound was expected */
  #spend(blockFrames) {
    for (let at = 0; at < this.#interrupted; at += 1) {
      this.lateFrames[at] = (/** @type {number} */ (this.lateFrames[at]) + blockFrames) | 0;
      this.#brokenFrames[at] = (/** @type {number} */ (this.#brokenFrames[at]) + blockFrames) | 0;
    }
    this.#secondFrames += blockFrames;
    if (this.#secondFrames < this.#secondFramesMost) return;
    this.#secondFrames -= this.#secondFramesMost;
    this.seconds += 1;
    this.#counter.settle();
  }
}
