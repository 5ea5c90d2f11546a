/**
 * Notices that the reader has outrun the stream: frames continue to arrive, but all of them are too late, and they do not catch
 * up.
 *
 * In: the frames that arrived with each block that found nothing in time. Out: whether the stream has permanently fallen behind.
 * That happens if a source constantly loses frames, or if its clock is slower than the line (live_edge.js) can follow: the line
 * then shifts in steps, each too late. A stall is different: nothing arrives, and later frames catch up.
 */

import { OUTRUN_AGAIN_MS, OUTRUN_OVER_MS, OUTRUN_WINDOW_MS } from './constants.js';
import { framesOf } from '../units.js';

export class Outrun {
  #windowFrames;
  #againFrames;
  #overAfterFrames;
  /** Frames that must still arrive in time before the suspicion ends. */
  #watchedFrames = 0;
  #lateFrames = 0;
  /** The lateness of the first of them. */
  #late = 0;

  /** @param {number} streamRateHz */
  constructor(streamRateHz) {
    this.#windowFrames = framesOf(OUTRUN_WINDOW_MS, streamRateHz);
    this.#againFrames = framesOf(OUTRUN_AGAIN_MS, streamRateHz);
    this.#overAfterFrames = framesOf(OUTRUN_OVER_MS, streamRateHz);
  }

  /** Call this when another timeline begins. */
  restart() {
    this.#lateFrames = 0;
    this.#watchedFrames = 0;
  }

  /** @param {number} frames that arrived in time */
  inTime(frames) {
    this.#lateFrames = 0;
    this.#watchedFrames = Math.max(0, this.#watchedFrames - frames);
  }

  /**
   * Notes one block that found nothing in time.
   *
   * @param {number} came frames since the previous block @param {number} packetFrames limit for a burst, which counts as one
   *   packet
   * @param {number} late how many frames too late the newest one is for the reference
   * @returns {boolean} whether the stream has fallen behind
   */
  observe(came, packetFrames, late) {
    if (came <= 0) return false;
    if (this.#lateFrames === 0) this.#late = late;
    this.#lateFrames += Math.min(came, packetFrames);
    if (this.#lateFrames < (this.#watchedFrames > 0 ? this.#againFrames : this.#windowFrames)) return false;
    this.#lateFrames = 0;
    if (late < this.#late) return false;
    this.#watchedFrames = this.#overAfterFrames;
    return true;
  }
}
