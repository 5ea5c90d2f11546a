/**
 * How audible missing frames are.
 *
 * In: the frames that are played, how much of them a guess would get wrong, and how many are missing. Out: what an interruption
 * costs now, what it usually costs, and the interruptions heard so far. Elsewhere: the measure (audibility.js). No method makes an
 * object.
 *
 * An interruption of the loudest sound of the last seconds has weight 1; 40 dB below it, and in silence, nobody hears one.
 */

import { addInterruptions, wrongFrames } from './audibility.js';
import { AUDIBLE, LEVEL_FRAMES, LOUD_FRAMES, POWER_LEAST, QUIET_DB, ROW_FRAMES_MAX, SHARE_ONE, USUAL_FRAMES } from './constants.js';

/** Indices of Hearing.heard: the interruptions, summed, and how many of them were audible by themselves. */
export const SUM = 0;
export const COUNT = 1;

export class Hearing {
  /** The share of the sound's energy that a guess usually gets wrong, in whole SHARE_ONEs. */
  usualShare = SHARE_ONE;
  heard = new Float64Array(2);

  /** The same share now, the weight of an interruption, 0 to 1, and the average of the share. */
  #now = Float64Array.of(1, 0, 1);
  /** Powers: the present one, and that of the loudest sound of the last seconds. */
  #power = new Float64Array(2);
  /** Frames heard that were not silent (limited). */
  #heardFrames = 0;
  /** Frames missing in a row; how many of them count as wholly wrong, and the interruptions that they are. */
  #missing = 0;
  #wrong = new Float64Array(2);

  /**
   * Hears frames that were really sent.
   *
   * @param {Float32Array} left @param {Float32Array} right @param {number} from @param {number} frames
   */
  hear(left, right, from, frames) {
    this.#end();
    let energy = 0;
    for (let frame = from; frame < from + frames; frame += 1) {
      energy += /** @type {number} */ (left[frame]) ** 2 + /** @type {number} */ (right[frame]) ** 2;
    }
    const power = this.#power;
    const before = /** @type {number} */ (power[0]);
    const now = before + (energy / frames - before) * Math.min(1, frames / LEVEL_FRAMES);
    power[0] = now;
    power[1] = Math.max(now, /** @type {number} */ (power[1]) * (1 - Math.min(1, frames / LOUD_FRAMES)));
  }

  /** Judges the sound heard so far. @param {Float64Array} shares that a guess gets wrong, in [0] @param {boolean} isSilent @param {number} frames */
  judge(shares, isSilent, frames) {
    const share = /** @type {number} */ (shares[0]);
    const now = this.#now;
    const below = 10 * Math.log10((/** @type {number} */ (this.#power[0]) + POWER_LEAST) / (/** @type {number} */ (this.#power[1]) + POWER_LEAST));
    now[0] = share;
    now[1] = isSilent ? 0 : Math.max(0, 1 + below / QUIET_DB);
    if (isSilent) return;
    this.#heardFrames = Math.min(this.#heardFrames + frames, USUAL_FRAMES);
    const usual = /** @type {number} */ (now[2]);
    now[2] = usual + (share - usual) * Math.min(1, frames / this.#heardFrames);
    this.usualShare = Math.round(now[2] * SHARE_ONE) | 0;
  }

  /** Hears a guess, or silence, in place of frames. @param {number} frames */
  miss(frames) {
    const row = this.#missing + frames;
    const share = Math.round(/** @type {number} */ (this.#now[0]) * SHARE_ONE) | 0;
    const more = wrongFrames(row, share) - wrongFrames(this.#missing, share);
    const wrong = this.#wrong;
    const before = /** @type {number} */ (wrong[0]);
    const after = before + /** @type {number} */ (this.#now[1]) * more;
    addInterruptions(wrong, 1, Math.round(before) | 0, Math.round(after) | 0);
    wrong[0] = Math.min(after, ROW_FRAMES_MAX);
    this.#missing = Math.min(row, ROW_FRAMES_MAX);
  }

  #end() {
    if (this.#missing === 0) return;
    const cost = /** @type {number} */ (this.#wrong[1]);
    const heard = this.heard;
    heard[SUM] = /** @type {number} */ (heard[SUM]) + cost;
    heard[COUNT] = /** @type {number} */ (heard[COUNT]) + (cost >= AUDIBLE ? 1 : 0);
    this.#missing = 0;
    this.#wrong.fill(0);
  }
}
