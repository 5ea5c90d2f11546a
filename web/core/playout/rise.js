/**
 * A delay that rises steadily: a queue on the way fills, and each second all frames come later than in the second before.
 *
 * In: the shortest lead that each step of 100 ms required. Out: by how much the network became slower, and how much lead that needs
 * soon. Elsewhere: the target (target.js), a lasting change of the network (web/core/clock/envelope_line.js).
 *
 * Jitter moves the longest required lead, a queue moves the shortest as well. Where that rises step after step, an underrun comes
 * for certain, and when is known: so the lead grows once, far enough, before the sound breaks off. The audio thread calls this: no
 * method makes an object.
 */

import {
  FORESEEN_MS_MAX, FORESIGHT_FACTOR, FORESIGHT_S, MEMORY_STEPS_PER_S, RISE_MS_PER_S_MAX, RISE_MS_PER_S_MIN, RISE_OVER_S, RISE_SOON_S,
  RISE_STEEP_MS_PER_S, RISE_STEPS, RISE_STEPS_STEEP, RISEN_MS_MIN,
} from './constants.js';
import { framesOf } from '../units.js';

export class Rise {
  /** By how much every frame comes later than before the rise: frames; 0 if the delay does not rise. */
  risen = 0;
  /** Frames of lead kept for it: at least as many as have risen. */
  foreseen = 0;
  /** In the step in which a rise was noticed: by how much the delay had risen by then; else 0. */
  began = 0;

  /** The shortest required leads of the last steps, the newest first. */
  #floors = new Int32Array(RISE_STEPS + 1);
  #known = 0;
  /** The shortest required lead before the rise. */
  #resting = 0;
  #isActive = false;
  /** Steps since the rise began, and since it last rose. */
  #steps = 0;
  #flatSteps = 0;
  #perMs;

  /** @param {number} streamRateHz */
  constructor(streamRateHz) {
    this.#perMs = framesOf(1000, streamRateHz) / 1000;
  }

  /**
   * Handles one step.
   *
   * @param {number} floor the shortest lead that it required, frames @param {number} before the longest lead required before a rise that
   *   could be seen now: jitter alone does not bring all frames of a step later than that
   */
  observe(floor, before) {
    const floors = this.#floors;
    floors.copyWithin(1, 0, RISE_STEPS);
    floors[0] = floor;
    this.began = 0;
    this.#known = Math.min(this.#known + 1, RISE_STEPS + 1);
    if (!this.#isActive && floor > before) this.#begin(floor);
    if (this.#isActive) this.#follow(floor);
  }

  /** @param {number} floor */
  #begin(floor) {
    const steep = this.#slopeOver(RISE_STEPS_STEEP) >= RISE_STEEP_MS_PER_S * this.#perMs;
    const steps = steep ? RISE_STEPS_STEEP : RISE_STEPS;
    if (this.#known <= steps || !this.#rises(steps) || !this.#isPlausible(this.#slopeOver(steps))) return;
    this.#isActive = true;
    this.#resting = /** @type {number} */ (this.#floors[steps]);
    this.#steps = steps;
    this.#flatSteps = 0;
    this.began = floor - this.#resting;
  }

  /** @param {number} floor */
  #follow(floor) {
    this.#steps += 1;
    const slope = this.#slopeOver(RISE_STEPS_STEEP);
    const isRising = this.#isPlausible(slope);
    this.#flatSteps = isRising ? 0 : this.#flatSteps + 1;
    // In the next step it rises further. A stall during the rise is not part of it.
    const soon = isRising ? slope / MEMORY_STEPS_PER_S : 0;
    const most = this.risen + (RISE_MS_PER_S_MAX * this.#perMs) / MEMORY_STEPS_PER_S;
    this.risen = Math.max(0, Math.min(this.began + most, floor - this.#resting + soon)) | 0;
    const isOver = this.#flatSteps > RISE_OVER_S * MEMORY_STEPS_PER_S;
    if (isOver && this.risen < RISEN_MS_MIN * this.#perMs) {
      this.#isActive = false;
      this.risen = this.foreseen = 0;
      return;
    }
    if (isOver) this.foreseen = this.risen;
    else if (this.#flatSteps === 0 && this.risen + slope * RISE_SOON_S > this.foreseen) this.#foresee(slope);
  }

  /** @param {number} slope frames/s */
  #foresee(slope) {
    const seconds = Math.max(FORESIGHT_S, (FORESIGHT_FACTOR * this.#steps) / MEMORY_STEPS_PER_S);
    this.foreseen = Math.round(this.risen + Math.min(FORESEEN_MS_MAX * this.#perMs, slope * seconds)) | 0;
  }

  /** @param {number} steps @returns {number} frames/s */
  #slopeOver(steps) {
    return ((/** @type {number} */ (this.#floors[0]) - /** @type {number} */ (this.#floors[steps])) * MEMORY_STEPS_PER_S) / steps;
  }

  /** @param {number} steps @returns {boolean} whether all but one step were longer than the one before */
  #rises(steps) {
    let longer = 0;
    for (let at = 0; at < steps; at += 1) if (/** @type {number} */ (this.#floors[at]) > /** @type {number} */ (this.#floors[at + 1])) longer += 1;
    return longer >= steps - 1;
  }

  /** A delay that rises as fast as time passes is a stall: nothing arrives. @param {number} slope frames/s @returns {boolean} */
  #isPlausible(slope) {
    return slope >= RISE_MS_PER_S_MIN * this.#perMs && slope <= RISE_MS_PER_S_MAX * this.#perMs;
  }

  /** Handles a move of the live edge. @param {number} frames negative: the network became slower */
  shift(frames) {
    for (let at = 0; at <= RISE_STEPS; at += 1) this.#floors[at] = /** @type {number} */ (this.#floors[at]) + frames;
    if (!this.#isActive) return;
    this.risen = Math.max(0, this.risen + frames) | 0;
    this.foreseen = Math.max(0, this.foreseen + frames) | 0;
  }
}
