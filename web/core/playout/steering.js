/**
 * The steering: holds the lead at its target by the speed of the reader alone.
 *
 * In: the error (lead minus target), the estimated drift, the blocks that pass. Out: the rate. What belongs elsewhere:
 * errors too large for a speed, which are one step (playout.js). No clock is read. No method makes an object.
 *
 * The rate is the drift, known in advance from the clocks, plus a correction that cannot be heard: at most 300 ppm
 * (half a cent), changing by at most 30 ppm a second. The correction needs no integral, because the drift is known, so
 * there is nothing to wind up and nothing to overshoot. Small errors, which are the estimate's own noise, are answered
 * less than in proportion; no error is ignored.
 */

import { STREAM_RATE_HZ } from '../constants.js';
import {
  CALMING_FROM_S, CORRECTION_MAX, EXACT_NEARER_S, EXACT_S, GAIN_PER_S, LANDED_FRAMES, LANDED_RATE, LANDING_GAIN_PER_S, LANDING_NEARER_S,
  LANDING_S, LEARNING_CORRECTION_MAX, LEARNING_GAIN_PER_S, LEARNING_MS, LEARNING_S, LEARNING_SLOPE_PER_S, NOISE_S, SLOPE_PER_S, START_MS,
  START_OVER_S, START_S,
} from './constants.js';
import { framesOf } from '../units.js';

/** What a reader does that may rest: stands still; works an error off; goes to the nearest whole frame, to stand there. */
const RESTING = 0;
const MOVING = 1;
const LANDING = 2;

/** Of Steering.seen: lead minus target; the drift, a ratio; from the reader to the nearest whole frame, -0.5 to 0.5. */
export const ERROR_S = 0;
export const DRIFT = 1;
export const OFF_FRAMES = 2;

const RATE = 0;
const AGE_S = 1;
/** An exact reader rests up to this error. */
const RESTS_S = 2;
/** Of the block under way. */
const BLOCK_S = 3;

export class Steering {
  /** What has a fraction is left here: by the caller, before it asks, where the reader is. */
  seen = new Float64Array(3);
  #values = new Float64Array(4);
  #motion = RESTING;
  #contextRateHz;
  #streamRateHz;
  /** What is kept on top at first, and while the drift is being learned. */
  #startFrames;
  #learningFrames;

  /** @param {number} contextRateHz @param {number} [streamRateHz] */
  constructor(contextRateHz, streamRateHz = STREAM_RATE_HZ) {
    this.#contextRateHz = contextRateHz;
    this.#streamRateHz = streamRateHz;
    this.#startFrames = framesOf(START_MS, streamRateHz);
    this.#learningFrames = framesOf(LEARNING_MS, streamRateHz);
    this.slackFrames = this.#startFrames;
  }

  /** @returns {number} by how much the reader runs faster than nominal, a ratio */
  get rate() {
    return /** @type {number} */ (this.#values[RATE]);
  }

  /** Whole frames to stay behind the target, in the first seconds. @type {number} */
  slackFrames;

  /** The reader was placed: it starts at the rate that is right as far as is known. @param {number} drift a ratio */
  begin(drift) {
    this.#values[RATE] = drift;
    this.#values[AGE_S] = 0;
    this.pass(0);
    this.#motion = RESTING;
  }

  /** Goes on as another one does. @param {Steering} other */
  follow(other) {
    this.#motion = other.#motion;
    this.slackFrames = other.slackFrames;
    for (let at = 0; at < this.#values.length; at += 1) this.#values[at] = /** @type {number} */ (other.#values[at]);
  }

  /** A block is under way, whatever the reader does in it. @param {number} frames of the context */
  pass(frames) {
    const blockS = frames / this.#contextRateHz;
    this.#values[BLOCK_S] = blockS;
    const ageS = Math.min(LEARNING_S, /** @type {number} */ (this.#values[AGE_S]) + blockS);
    const over = Math.min(1, Math.max(0, (ageS - START_S) / (START_OVER_S - START_S)));
    this.#values[AGE_S] = ageS;
    this.slackFrames = ageS < LEARNING_S ? Math.round(this.#startFrames + over * (this.#learningFrames - this.#startFrames)) | 0 : 0;
    this.#values[RESTS_S] = EXACT_S + (this.#learningFrames + (1 - over) * (this.#startFrames - this.#learningFrames)) / this.#streamRateHz;
  }

  /** Chooses the rate by the error seen. */
  advance() {
    const errorS = /** @type {number} */ (this.seen[ERROR_S]);
    const drift = /** @type {number} */ (this.seen[DRIFT]);
    const size = Math.abs(errorS);
    const ageS = /** @type {number} */ (this.#values[AGE_S]);
    const haste = Math.min(1, (LEARNING_S - ageS) / (LEARNING_S - CALMING_FROM_S));
    const gain = ((GAIN_PER_S + haste * (LEARNING_GAIN_PER_S - GAIN_PER_S)) * size) / (size + NOISE_S);
    const most = CORRECTION_MAX + haste * (LEARNING_CORRECTION_MAX - CORRECTION_MAX);
    this.#approach(drift + Math.min(most, Math.max(-most, errorS * gain)));
  }

  /** One clock at both ends (the drift is 0): a reader that does not rest works its error off, then goes to the nearest whole frame. */
  advanceExactly() {
    const errorS = /** @type {number} */ (this.seen[ERROR_S]);
    if (!this.#isRight) this.#motion = MOVING;
    else if (this.#motion === RESTING || (errorS > -LANDING_NEARER_S && errorS < LANDING_S)) this.#motion = LANDING;
    if (this.#motion === MOVING) this.advance();
    else this.#approach((/** @type {number} */ (this.seen[OFF_FRAMES]) / this.#streamRateHz) * LANDING_GAIN_PER_S);
  }

  /** @returns {boolean} it stands on a whole frame, where nothing needs to move */
  get isResting() {
    return this.#motion === RESTING && this.seen[OFF_FRAMES] === 0 && this.#isRight;
  }

  /** @returns {boolean} the reader may be set onto the whole frame and rest */
  get hasLanded() {
    return this.#motion === LANDING && Math.abs(/** @type {number} */ (this.seen[OFF_FRAMES])) < LANDED_FRAMES && Math.abs(this.rate) < LANDED_RATE;
  }

  /** The reader stands on a whole frame: samples pass as they were sent. */
  rest() {
    this.#motion = RESTING;
    this.#values[RATE] = 0;
  }

  /** @returns {boolean} the lead is where an exact reader may rest */
  get #isRight() {
    const errorS = /** @type {number} */ (this.seen[ERROR_S]);
    return errorS > -EXACT_NEARER_S && errorS < /** @type {number} */ (this.#values[RESTS_S]);
  }

  /** @param {number} wished a ratio */
  #approach(wished) {
    const isLearning = /** @type {number} */ (this.#values[AGE_S]) < LEARNING_S;
    const most = (isLearning ? LEARNING_SLOPE_PER_S : SLOPE_PER_S) * /** @type {number} */ (this.#values[BLOCK_S]);
    const rate = this.rate;
    this.#values[RATE] = rate + Math.min(most, Math.max(-most, wished - rate));
  }
}
