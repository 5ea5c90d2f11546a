/**
 * The steering: holds the lead at its target only by the reader's speed.
 *
 * In: the error (lead minus target), the estimated drift, the blocks that pass. Out: the speed. Elsewhere: errors too large to
 * correct by the speed, which take one step (playout.js). No clock is read. No method makes an object.
 *
 * The speed is the drift, known in advance from the clocks, plus an inaudible correction: at most 300 ppm (half a cent), changing by at
 * most 30 ppm a second. While the drift is being learned, the correction is at most 500 ppm, changing by 300 ppm a second. As
 * the drift is known, the correction needs no integral, so nothing winds up or overshoots. Small errors are mostly the
 * estimate's own noise and get less than a proportional correction; no error is ignored.
 */

import { STREAM_RATE_HZ } from '../constants.js';
import {
  SETTLING_FROM_S, CORRECTION_MAX, EXACT_NEARER_S, EXACT_S, GAIN_PER_S, LANDED_FRAMES, LANDED_SPEED, LANDING_GAIN_PER_S, LANDING_NEARER_S,
  LANDING_S, LEARNING_CORRECTION_MAX, LEARNING_GAIN_PER_S, LEARNING_MS, LEARNING_S, LEARNING_SLOPE_PER_S, NOISE_S, SLOPE_PER_S, START_MS,
  START_OVER_S, START_S,
} from './constants.js';
import { framesOf } from '../units.js';

/** The states of an exact reader: it rests on a whole frame, corrects an error, or moves to the nearest whole frame to rest there. */
const RESTING = 0;
const MOVING = 1;
const LANDING = 2;

/**
 * Indices of Steering.seen: lead minus target; the drift, a ratio; the distance from the reader to the nearest whole frame, -0.5
 * to 0.5.
 */
export const ERROR_S = 0;
export const DRIFT = 1;
export const OFF_FRAMES = 2;

const SPEED = 0;
const AGE_S = 1;
/** An exact reader rests up to this error. */
const RESTS_S = 2;
/** Length of the present block. */
const BLOCK_S = 3;

export class Steering {
  /** The reader's state. The caller writes it here before it calls, because fractions passed as arguments would become objects. */
  seen = new Float64Array(3);
  #values = new Float64Array(4);
  #motion = RESTING;
  #contextRateHz;
  #streamRateHz;
  /** The margin in the first seconds, and while the drift is being learned. */
  #startFrames;
  #learningFrames;

  /** @param {number} contextRateHz @param {number} [streamRateHz] */
  constructor(contextRateHz, streamRateHz = STREAM_RATE_HZ) {
    this.#contextRateHz = contextRateHz;
    this.#streamRateHz = streamRateHz;
    this.#startFrames = framesOf(START_MS, streamRateHz);
    this.#learningFrames = framesOf(LEARNING_MS, streamRateHz);
    this.startMarginFrames = this.#startFrames;
  }

  /** @returns {number} how much faster than nominal the reader runs, a ratio */
  get speed() {
    return /** @type {number} */ (this.#values[SPEED]);
  }

  /** Whole frames the reader stays behind the target in the first seconds. @type {number} */
  startMarginFrames;

  /** Call this when the reader was placed: it starts at the drift known so far. @param {number} drift a ratio */
  begin(drift) {
    this.#values[SPEED] = drift;
    this.#values[AGE_S] = 0;
    this.pass(0);
    this.#motion = RESTING;
  }

  /** Copies the state of another steering. @param {Steering} other */
  follow(other) {
    this.#motion = other.#motion;
    this.startMarginFrames = other.startMarginFrames;
    for (let at = 0; at < this.#values.length; at += 1) this.#values[at] = /** @type {number} */ (other.#values[at]);
  }

  /** Advances by a block, whatever the reader does in it. @param {number} frames of the context */
  pass(frames) {
    const blockS = frames / this.#contextRateHz;
    this.#values[BLOCK_S] = blockS;
    const ageS = Math.min(LEARNING_S, /** @type {number} */ (this.#values[AGE_S]) + blockS);
    const over = Math.min(1, Math.max(0, (ageS - START_S) / (START_OVER_S - START_S)));
    this.#values[AGE_S] = ageS;
    this.startMarginFrames = ageS < LEARNING_S ? Math.round(this.#startFrames + over * (this.#learningFrames - this.#startFrames)) | 0 : 0;
    this.#values[RESTS_S] = EXACT_S + (this.#learningFrames + (1 - over) * (this.#startFrames - this.#learningFrames)) / this.#streamRateHz;
  }

  /** Chooses the speed from the error. */
  advance() {
    const errorS = /** @type {number} */ (this.seen[ERROR_S]);
    const drift = /** @type {number} */ (this.seen[DRIFT]);
    const size = Math.abs(errorS);
    const ageS = /** @type {number} */ (this.#values[AGE_S]);
    const haste = Math.min(1, (LEARNING_S - ageS) / (LEARNING_S - SETTLING_FROM_S));
    const gain = ((GAIN_PER_S + haste * (LEARNING_GAIN_PER_S - GAIN_PER_S)) * size) / (size + NOISE_S);
    const most = CORRECTION_MAX + haste * (LEARNING_CORRECTION_MAX - CORRECTION_MAX);
    this.#approach(drift + Math.min(most, Math.max(-most, errorS * gain)));
  }

  /**
   * With one clock at both ends (the drift is 0), a reader that does not rest corrects its error, then moves to the nearest whole
   * frame.
   */
  advanceExactly() {
    const errorS = /** @type {number} */ (this.seen[ERROR_S]);
    if (!this.#isRight) this.#motion = MOVING;
    else if (this.#motion === RESTING || (errorS > -LANDING_NEARER_S && errorS < LANDING_S)) this.#motion = LANDING;
    if (this.#motion === MOVING) this.advance();
    else this.#approach((/** @type {number} */ (this.seen[OFF_FRAMES]) / this.#streamRateHz) * LANDING_GAIN_PER_S);
  }

  /** @returns {boolean} whether it rests on a whole frame and need not move */
  get isResting() {
    return this.#motion === RESTING && this.seen[OFF_FRAMES] === 0 && this.#isRight;
  }

  /** @returns {boolean} whether the reader may be set onto the whole frame, and rest */
  get hasLanded() {
    return this.#motion === LANDING && Math.abs(/** @type {number} */ (this.seen[OFF_FRAMES])) < LANDED_FRAMES && Math.abs(this.speed) < LANDED_SPEED;
  }

  /** Call this when the reader rests on a whole frame: samples pass as they were sent. */
  rest() {
    this.#motion = RESTING;
    this.#values[SPEED] = 0;
  }

  /** @returns {boolean} whether the lead is where an exact reader may rest */
  get #isRight() {
    const errorS = /** @type {number} */ (this.seen[ERROR_S]);
    return errorS > -EXACT_NEARER_S && errorS < /** @type {number} */ (this.#values[RESTS_S]);
  }

  /** @param {number} wished a ratio */
  #approach(wished) {
    const isLearning = /** @type {number} */ (this.#values[AGE_S]) < LEARNING_S;
    const most = (isLearning ? LEARNING_SLOPE_PER_S : SLOPE_PER_S) * /** @type {number} */ (this.#values[BLOCK_S]);
    const speed = this.speed;
    this.#values[SPEED] = speed + Math.min(most, Math.max(-most, wished - speed));
  }
}
