/**
 * Whether the reader has outrun the stream: frames go on coming, all of them are too late, and they do not catch up.
 *
 * In: what came with each block that found nothing in time. Out: whether the stream has permanently fallen behind. That happens if a source
 * constantly loses frames, or if its clock is slower than the line (live_edge.js) can follow: the line then shifts in steps, each too late. A
 * stall is different: nothing comes, and what comes afterwards catches up.
 */

import { OUTRUN_AGAIN_MS, OUTRUN_OVER_MS, OUTRUN_WINDOW_MS } from './constants.js';
import { framesOf } from '../units.js';

export class Outrun {
  #windowFrames;
  #againFrames;
  #overAfterFrames;
  /** Frames that must still come in time before it is over. */
  #watchedFrames = 0;
  #lateFrames = 0;
  /** How late the first of them was. */
  #late = 0;

  /** @param {number} streamRateHz */
  constructor(streamRateHz) {
    this.#windowFrames = framesOf(OUTRUN_WINDOW_MS, streamRateHz);
    this.#againFrames = framesOf(OUTRUN_AGAIN_MS, streamRateHz);
    this.#overAfterFrames = framesOf(OUTRUN_OVER_MS, streamRateHz);
  }

  /** Another timeline. */
  restart() {
    this.#lateFrames = 0;
    this.#watchedFrames = 0;
  }

  /** @param {number} frames came in time */
  inTime(frames) {
    this.#lateFrames = 0;
    this.#watchedFrames = Math.max(0, this.#watchedFrames - frames);
  }

  /**
   * One block that found nothing in time.
   *
   * @param {number} came frames since the block before @param {number} packetFrames a burst counts no more than a packet
   * @param {number} late frames by which the newest is too late for the reference
   * @returns {boolean} the stream has fallen behind
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
