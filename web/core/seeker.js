/**
 * While no sound is played: watches when frames come, to say where the timeline may go on.
 *
 * In: the headroom each block would have had. Out: how late frames were, and, once they come at their steady rate, the
 * least headroom they leave. No clock is read: time is counted in frames. No method makes an object.
 */

import { framesOf } from './units.js';

/** Two of these must agree before the timeline is placed: each holds two of the longest packets (46 ms would fit once). */
const WINDOW_FRAMES = framesOf(70);
/**
 * Headroom that rises by more from one window to the next: a heap of old frames is still coming in. That falls by more:
 * frames come ever later, a stall has not reached its bottom.
 */
const RISE_FRAMES = framesOf(10);
/** Windows in a row that may disagree before the worst of them is taken for the network's way: 0.7 s. */
const DISAGREEMENTS_MAX = 10;
/** Without news for so long, what was watched says nothing about when frames come. */
const STILL_FRAMES = framesOf(100);
/** No headroom is as high; a whole number, for a fraction would be an object to the engine. */
const NO_HEADROOM = 0x3fff_ffff;

export class Seeker {
  /** How much too late frames were at worst since begin(). */
  lateFrames = 0;
  /** Least headroom of the windows that agreed, valid once observe() said so. */
  leastFrames = 0;

  #windowFrames = 0;
  #windowLeast = NO_HEADROOM;
  #windowBefore = NO_HEADROOM;
  #write = 0;
  #stillFrames = 0;
  #disagreements = 0;

  /** Sound has broken off, or has never been. @param {number} write the ring's write position */
  begin(write) {
    this.lateFrames = 0;
    this.#forget(write);
  }

  /**
   * One block that was not played.
   *
   * @param {number} headroomFrames negative: so much was missing @param {number} blockFrames @param {number} write
   * @returns {boolean} frames come steadily: leastFrames may be relied on
   */
  observe(headroomFrames, blockFrames, write) {
    this.lateFrames = Math.max(this.lateFrames, -headroomFrames);
    this.#stillFrames = write === this.#write ? this.#stillFrames + blockFrames : 0;
    this.#write = write;
    if (this.#stillFrames > STILL_FRAMES) {
      this.#forget(write);
      return false;
    }
    this.#windowLeast = Math.min(this.#windowLeast, headroomFrames);
    this.#windowFrames += blockFrames;
    return this.#windowFrames >= WINDOW_FRAMES && this.#closeWindow();
  }

  /** @returns {boolean} */
  #closeWindow() {
    const least = this.#windowLeast;
    const before = this.#windowBefore;
    this.#windowBefore = least;
    this.#windowLeast = NO_HEADROOM;
    this.#windowFrames = 0;
    // A network that never agrees with itself must start, too.
    this.#disagreements = before !== NO_HEADROOM && Math.abs(least - before) > RISE_FRAMES ? this.#disagreements + 1 : 0;
    if (before === NO_HEADROOM || (this.#disagreements > 0 && this.#disagreements <= DISAGREEMENTS_MAX)) return false;
    this.leastFrames = Math.min(least, before);
    return true;
  }

  /** @param {number} write */
  #forget(write) {
    this.#windowFrames = 0;
    this.#windowLeast = NO_HEADROOM;
    this.#windowBefore = NO_HEADROOM;
    this.#disagreements = 0;
    this.#write = write;
    this.#stillFrames = 0;
  }
}
