/**
 * What if the lead were another one? Counts, on the very blocks that are played, the late events of many leads at once
 * (Jamulus' shadow buffers, each reduced to one counter).
 *
 * In: the lead each block required. Out: late events per candidate. A gap never moves the timeline, so what is counted for a
 * lead is exactly what a listener with that lead would have heard. No clock is read: time is counted in frames.
 * The audio thread calls it: no method makes an object.
 */

import { framesOf } from './units.js';

/** Least candidate, and the factor from each to the next: finer than anybody could choose by ear. */
const LEAD_MS_MIN = 4;
const FACTOR = 1.06;
const CANDIDATES = 96;

/** The leads that are watched, ms: 4 to 1,014. */
export const LEADS_MS = Object.freeze(Array.from({ length: CANDIDATES }, (_, index) => LEAD_MS_MIN * FACTOR ** index));
const LEADS_FRAMES = Int32Array.from(LEADS_MS, framesOf);

/** Late blocks with less between them are one event: one interruption to the ear. */
export const SAME_EVENT_FRAMES = framesOf(100);

export class WhatIf {
  /** Late events per candidate, and the frames of their blocks. */
  events = new Int32Array(CANDIDATES);
  lateFrames = new Int32Array(CANDIDATES);
  seconds = 0;

  /** When each candidate was last late, in frames watched (wraps with them). */
  #lateAt = new Int32Array(CANDIDATES).fill(-SAME_EVENT_FRAMES);
  #now = 0;
  #secondFrames = 0;

  /** @param {number} requiredFrames lead that this block required @param {number} blockFrames of the stream */
  observe(requiredFrames, blockFrames) {
    for (let at = 0; at < CANDIDATES && /** @type {number} */ (LEADS_FRAMES[at]) < requiredFrames; at += 1) {
      if (((this.#now - /** @type {number} */ (this.#lateAt[at])) | 0) >= SAME_EVENT_FRAMES) {
        this.events[at] = /** @type {number} */ (this.events[at]) + 1;
      }
      this.#lateAt[at] = this.#now;
      this.lateFrames[at] = (/** @type {number} */ (this.lateFrames[at]) + blockFrames) | 0;
    }
    this.#now = (this.#now + blockFrames) | 0;
    this.#secondFrames += blockFrames;
    if (this.#secondFrames >= framesOf(1000)) {
      this.#secondFrames -= framesOf(1000);
      this.seconds += 1;
    }
  }
}
