/**
 * The pace: how the reader's position moves from output frame to output frame.
 *
 * In: the error of its lead, and the drift. Out: times for the resampler, and how many frames a block needs.
 * Elsewhere: which lead is right (target.js), the law of the speed (steering.js), steps (playout.js). The audible reader and the
 * reference (reference.js) have one pace each. No method makes an object.
 */

import { DRIFT, ERROR_S, OFF_FRAMES, Steering } from './steering.js';

/**
 * Indices of Pace.times: the index of the next output frame in the reader's buffer; its step; the change of the step per output
 * frame.
 */
export const TIME = 0;
const STEP = 1;
const CHANGE = 2;

export class Pace {
  times = new Float64Array(3);
  /** The error to correct, frames: the caller writes it here. */
  error = new Float64Array(1);
  steering;

  #line;
  #lookAheadFrames;
  #lookBackFrames;
  #streamRateHz;
  #nominal;
  #found = new Float64Array(1);

  /**
   * @param {import('./line_reader.js').LineReader} line
   * @param {import('../sound/resampler.js').Resampler} resampler
   * @param {number} contextRateHz
   * @param {number} streamRateHz
   */
  constructor(line, resampler, contextRateHz, streamRateHz) {
    this.#line = line;
    this.#lookAheadFrames = resampler.lookAheadFrames;
    this.#lookBackFrames = resampler.lookBackFrames;
    this.#streamRateHz = streamRateHz;
    this.#nominal = streamRateHz / contextRateHz;
    this.steering = new Steering(contextRateHz, streamRateHz);
    this.times[TIME] = this.#lookBackFrames;
  }

  /** True if both ends use one clock and the stream's own rate: then frames may pass unchanged. */
  get mayRest() {
    return this.#nominal === 1 && this.#line.drift === 0;
  }

  /** @returns {boolean} whether frames pass unchanged in this block */
  get isExact() {
    const { times } = this;
    return times[STEP] === 1 && times[CHANGE] === 0 && /** @type {number} */ (times[TIME]) % 1 === 0;
  }

  /**
   * @returns {number} frames to stay behind the target; 0 for a reader that may rest: it would have to make up for the margin
   *   later, and could not rest meanwhile
   */
  get startMarginFrames() {
    return this.mayRest ? 0 : this.steering.startMarginFrames;
  }

  /** Call this when the reader was placed: its speed is the drift known so far. */
  begin() {
    this.steering.begin(this.#line.drift);
  }

  /** Copies the state of another pace, whose buffer has the same length. @param {Pace} other */
  follow(other) {
    for (let at = 0; at < this.times.length; at += 1) this.times[at] = /** @type {number} */ (other.times[at]);
    this.steering.follow(other.steering);
  }

  /** Keeps the speed for a block. */
  hold() {
    this.times[STEP] = this.#nominal * (1 + this.steering.speed);
    this.times[CHANGE] = 0;
  }

  /** Chooses the speed for a block, by error[0]. @param {number} frames of the block */
  steer(frames) {
    const { times, steering } = this;
    const before = steering.speed;
    const time = /** @type {number} */ (times[TIME]);
    steering.seen[ERROR_S] = /** @type {number} */ (this.error[0]) / this.#streamRateHz;
    steering.seen[DRIFT] = this.#line.drift;
    steering.seen[OFF_FRAMES] = Math.round(time) - time;
    steering.pass(frames);
    if (!this.mayRest) steering.advance();
    else if (steering.isResting) steering.rest();
    else if (!steering.hasLanded) steering.advanceExactly();
    else {
      times[TIME] = Math.round(time);
      steering.rest();
    }
    times[STEP] = this.#nominal * (1 + before);
    times[CHANGE] = (this.#nominal * (steering.speed - before)) / frames;
  }

  /** @param {number} frames of the block @param {number} end frames in the buffer @returns {number} stream frames to pull for it */
  neededFrames(frames, end) {
    this.#findTime(frames - 1);
    const last = Math.floor(/** @type {number} */ (this.#found[0]));
    return Math.max(0, last + this.#lookAheadFrames + 1 - end);
  }

  /**
   * @param {number} frames of the block that was put out
   * @returns {number} frames at the start of the buffer that are no longer needed
   */
  advance(frames) {
    this.#findTime(frames);
    const time = /** @type {number} */ (this.#found[0]);
    const spent = Math.max(0, Math.floor(time) - this.#lookBackFrames);
    this.times[TIME] = time - spent;
    return spent;
  }

  /** Writes the buffer index of an output frame into #found. @param {number} frame */
  #findTime(frame) {
    const times = this.times;
    this.#found[0] = /** @type {number} */ (times[TIME]) + frame * /** @type {number} */ (times[STEP])
      + 0.5 * frame * (frame - 1) * /** @type {number} */ (times[CHANGE]);
  }
}
