/**
 * The lead target: how far behind the live edge the reader should be.
 *
 * In: the lead that each block required. Out: the target. Elsewhere: how the reader gets there (steering.js, playout.js).
 * No clock is read: time is counted in frames. The audio thread calls this: no method makes an object.
 *
 * A longer lead costs delay, a shorter one costs interruptions. One law weighs the two: the candidate with the least
 * `lead + price x root of the interruptions remembered` wins. An interruption counts by how audible it would have been, for each candidate,
 * on the blocks that are played (late_cost.js); so the law assumes nothing about a network's statistics. A candidate that would have missed
 * too much of the time cannot win. While little has been seen, the law keeps more than was needed so far. Because of the root, the first
 * interruptions weigh most: a burst of 100 ms is worth covering once it was heard, a stall of 300 ms only if it comes many times in some
 * minutes. A delay that rises steadily is no jitter: it is followed, and foreseen (rise.js).
 */

import { STREAM_RATE_HZ } from '../constants.js';
import {
  AUTO, CAUTION_MS_MAX, CAUTIOUS_MS, FIRST_TARGET_MS, FORGOTTEN, FRAMES_BEYOND, LEAD_MS_MIN, LOWEST, MEMORY_MS_MIN, MEMORY_STEP_MS,
  MISSED_FACTOR, MISSING_AGAIN, MISSING_MEMORY_MS, MISSING_MS_MIN, PATIENCE_MS, RESTING_MS, RISE_STEPS, SAFEST, SHOWN_STEPS, START_MEMORY_MS,
  START_PATIENCE_MS, START_PATIENT_MS, START_WATCH_MS, STEP_MS, TARGET_FACTOR, TARGET_LEADS, WORTH_MS,
} from './constants.js';
import { MODE } from './controls.js';
import { framesOf } from '../units.js';
import { LateCost } from './late_cost.js';
import { Rise } from './rise.js';

/** @import { Law } from './constants.js' */

/** @param {Law} law in milliseconds @param {(ms: number) => number} frames @returns {Law} in frames */
function inFrames({ price, memory, margin, caution, missing, most }, frames) {
  return { price: frames(price), memory: frames(memory), margin: frames(margin), caution, missing, most: frames(most) };
}

export class LeadTarget {
  /** The target: frames behind the live edge. */
  frames;
  /** The longest lead required in the last 20 s. */
  requiredFrames = 0;

  /** @type {number} */
  #mode = MODE.AUTO;
  #law;
  #fixedFrames = 0;
  /** The target before the lateness began. */
  #onTimeFrames = 0;
  /** What each candidate would have cost. */
  #cost;
  #rise;
  /** The shortest candidate that does not miss too much. */
  #first = 0;
  /** Frames observed, and frames missed by the target itself, as far as missing time is remembered. */
  #seen = 0;
  #missed = 0;
  /** Frames observed, up to an hour. */
  #age = 0;
  #bucketFrames = 0;
  #bucketMost = 0;
  #bucketLeast = FRAMES_BEYOND;
  /** The shortest lead that any step of memory required. */
  #floor = FRAMES_BEYOND;
  #recent = new Int32Array(SHOWN_STEPS);
  #bucket = 0;
  #surplusFrames = 0;
  /** The lead of the last choice, frames. */
  #leastCost = 0;

  /** The laws, and the constants of constants.js at this rate, in frames. */
  #laws;
  #leadFramesMin;
  #memoryFramesMin;
  #startFrames;
  #startMemoryFrames;
  #startPatientFrames;
  #startPatienceFrames;
  #missingMemoryFrames;
  #missingFramesMin;
  #cautiousFrames;
  #cautionFramesMax;
  #worthFrames;
  #bucketLength;
  #stepFrames;
  #restingFrames;
  #patienceFrames;

  /** @param {number} [streamRateHz] */
  constructor(streamRateHz = STREAM_RATE_HZ) {
    /** @param {number} ms */
    const frames = (ms) => framesOf(ms, streamRateHz);
    this.frames = this.#onTimeFrames = frames(FIRST_TARGET_MS);
    this.#laws = { auto: inFrames(AUTO, frames), lowest: inFrames(LOWEST, frames), safest: inFrames(SAFEST, frames) };
    this.#law = this.#laws.auto;
    this.#leadFramesMin = frames(LEAD_MS_MIN);
    this.#memoryFramesMin = frames(MEMORY_MS_MIN);
    this.#startFrames = frames(START_WATCH_MS);
    this.#startMemoryFrames = frames(START_MEMORY_MS);
    this.#startPatientFrames = frames(START_PATIENT_MS);
    this.#startPatienceFrames = frames(START_PATIENCE_MS);
    this.#missingMemoryFrames = frames(MISSING_MEMORY_MS);
    this.#missingFramesMin = frames(MISSING_MS_MIN);
    this.#cautiousFrames = frames(CAUTIOUS_MS);
    this.#cautionFramesMax = frames(CAUTION_MS_MAX);
    this.#worthFrames = frames(WORTH_MS);
    this.#bucketLength = frames(MEMORY_STEP_MS);
    this.#stepFrames = frames(STEP_MS);
    this.#restingFrames = frames(RESTING_MS);
    this.#patienceFrames = frames(PATIENCE_MS);
    const least = this.#leadFramesMin;
    const leads = Int32Array.from({ length: TARGET_LEADS }, (_, at) => Math.round(least * TARGET_FACTOR ** at));
    this.#cost = new LateCost(leads, streamRateHz);
    this.#rise = new Rise(streamRateHz);
  }

  /** @param {number} mode of MODE @param {number} fixedFrames the lead of MODE.FIXED */
  choose(mode, fixedFrames) {
    if (mode === this.#mode && fixedFrames === this.#fixedFrames) return;
    this.#mode = mode;
    this.#fixedFrames = fixedFrames;
    // While the listener has fixed the lead, the law of AUTO continues to learn.
    this.#law = mode === MODE.LOWEST ? this.#laws.lowest : mode === MODE.SAFEST ? this.#laws.safest : this.#laws.auto;
    this.#bound();
    this.frames = this.#best();
    this.#onTimeFrames = this.frames;
  }

  /** Call this before the reader is placed, by what is known so far. */
  begin() {
    this.frames = this.#best();
    this.#onTimeFrames = this.frames;
  }

  /**
   * Handles one block.
   *
   * @param {number} requiredFrames the lead that it required @param {number} blockFrames of the stream
   * @param {number} wrongShare Hearing.usualShare
   */
  observe(requiredFrames, blockFrames, wrongShare) {
    this.#cost.observe((requiredFrames - this.#rise.risen) | 0, blockFrames, wrongShare);
    if (requiredFrames > this.frames) this.#missed += blockFrames;
    if (requiredFrames > this.#bucketMost) this.#bucketMost = requiredFrames;
    if (requiredFrames < this.#bucketLeast) this.#bucketLeast = requiredFrames;
    this.#bucketFrames += blockFrames;
    if (this.#bucketFrames >= this.#bucketLength) this.#closeBucket();
    // While a block is late its cost is unknown: a burst that seems worth covering may turn out to be a stall.
    if (requiredFrames + this.#law.margin > this.#onTimeFrames) this.frames = this.#longer();
    else this.#onTimeFrames = this.frames;
  }

  /**
   * Gives back delay that is no longer needed.
   *
   * @param {boolean} isSilent no sound is heard now, so a step costs nothing @param {boolean} mayRest the reader may pass frames
   *   unchanged
   * @param {number} blockFrames
   */
  relax(isSilent, mayRest, blockFrames) {
    if (this.#mode === MODE.SAFEST) return;
    const surplus = this.frames - this.#best();
    if (surplus <= 0 || (mayRest && surplus < this.#restingFrames)) {
      this.#surplusFrames = 0;
      return;
    }
    this.#surplusFrames += blockFrames;
    const patience = this.#age < this.#startPatientFrames ? this.#startPatienceFrames : this.#patienceFrames;
    if (surplus > this.#stepFrames && !isSilent && this.#surplusFrames < patience) return;
    this.frames -= surplus;
    this.#surplusFrames = 0;
  }

  /**
   * Handles a move of the live edge, after which the same place has another lead. If the network became slower, that explains the
   * recent lateness; if it became faster, its jitter is unchanged.
   *
   * @param {number} frames negative: slower
   */
  shift(frames) {
    // A lead that the listener has fixed stays: then the delay follows the network.
    if (this.#mode !== MODE.FIXED) this.frames = Math.max(this.#leadFramesMin, this.frames + frames);
    this.#onTimeFrames = this.frames;
    this.#rise.shift(frames);
    if (frames > 0) return;
    this.#cost.shift(-frames);
    for (let at = 0; at < SHOWN_STEPS; at += 1) {
      this.#recent[at] = Math.max(0, /** @type {number} */ (this.#recent[at]) + frames);
    }
  }

  #closeBucket() {
    const frames = this.#bucketFrames;
    this.#age = Math.min(this.#age + frames, this.#laws.safest.memory);
    const isStart = this.#age < this.#startFrames;
    const memory = isStart ? this.#startMemoryFrames : Math.max(this.#memoryFramesMin, Math.min(this.#law.memory, this.#age));
    const startEnds = !isStart && this.#age - frames < this.#startFrames;
    this.#cost.fade(1 - frames / memory, startEnds ? 0 : 1 - frames / this.#missingMemoryFrames);
    this.#seen = Math.round(this.#seen * (1 - frames / this.#missingMemoryFrames) + frames) | 0;
    this.#missed = startEnds ? 0 : Math.round(this.#missed * (1 - frames / this.#missingMemoryFrames)) | 0;
    this.#bound();
    this.#floor = Math.min(this.#floor, this.#bucketMost);
    this.#recent[this.#bucket] = this.#bucketMost;
    this.#bucket = (this.#bucket + 1) % SHOWN_STEPS;
    let newest = 0;
    let older = 0;
    for (let back = 1; back <= SHOWN_STEPS; back += 1) {
      const most = /** @type {number} */ (this.#recent[(this.#bucket + SHOWN_STEPS - back) % SHOWN_STEPS]);
      if (back <= RISE_STEPS) newest = Math.max(newest, most);
      else older = Math.max(older, most);
    }
    this.requiredFrames = Math.max(newest, older);
    this.#rise.observe(this.#bucketLeast, older);
    // What was late since the rise began was late because of it.
    if (this.#rise.began > 0) this.#cost.shift(this.#rise.began);
    if (this.#mode !== MODE.FIXED && this.#rise.foreseen > 0) this.frames = Math.max(this.frames, this.#best());
    this.#bucketFrames = 0;
    this.#bucketMost = 0;
    this.#bucketLeast = FRAMES_BEYOND;
  }

  /** Finds the shortest candidate that may win. One that missed too much may win again only when it misses clearly less. */
  #bound() {
    // After a move of the live edge the candidates know only a part of what was missing. The target knows all of its own.
    const allowed = MISSED_FACTOR * this.#law.missing * Math.max(this.#missingFramesMin, this.#seen);
    const missing = this.#law.missing * Math.min(1, (allowed / Math.max(1, this.#missed)) ** 2);
    while (this.#first < TARGET_LEADS - 1 && !this.#isWithin(this.#first, missing)) this.#first += 1;
    while (this.#first > 0 && this.#isWithin(this.#first - 1, missing * MISSING_AGAIN)) this.#first -= 1;
  }

  /** @returns {number} a longer lead where it is worth more than its price */
  #longer() {
    const best = this.#best();
    if (best <= this.#onTimeFrames) return this.#onTimeFrames;
    const kept = this.#onTimeFrames - this.#law.margin - this.#rise.foreseen;
    let at = 0;
    while (at < TARGET_LEADS - 1 && /** @type {number} */ (this.#cost.leads[at + 1]) <= kept) at += 1;
    const isEnough = at >= this.#first && this.#costAt(at) - this.#leastCost < this.#worthFrames;
    return isEnough ? this.#onTimeFrames : best;
  }

  /** @param {number} at candidate @returns {number} frames */
  #costAt(at) {
    const interruptions = Math.sqrt(/** @type {number} */ (this.#cost.interruptions[at]) + FORGOTTEN) - Math.sqrt(FORGOTTEN);
    return /** @type {number} */ (this.#cost.leads[at]) + this.#law.price * interruptions;
  }

  /** @param {number} at candidate @param {number} share of the time @returns {boolean} whether it missed no more than this share */
  #isWithin(at, share) {
    return /** @type {number} */ (this.#cost.missing[at]) <= share * Math.max(this.#missingFramesMin, this.#seen);
  }

  /** @returns {number} the lead with the least cost, and what is kept beyond it */
  #best() {
    if (this.#mode === MODE.FIXED) return this.#fixedFrames;
    const { most, caution, margin } = this.#law;
    const { leads } = this.#cost;
    let best = most;
    let leastCost = Infinity;
    for (let at = this.#first; at < TARGET_LEADS && /** @type {number} */ (leads[at]) <= most; at += 1) {
      const cost = this.#costAt(at);
      if (cost >= leastCost) continue;
      leastCost = cost;
      best = /** @type {number} */ (leads[at]);
    }
    this.#leastCost = Math.min(Math.round(leastCost), FRAMES_BEYOND) | 0;
    const unseen = Math.max(0, 1 - this.#age / this.#cautiousFrames);
    const kept = Math.min(this.#cautionFramesMax, Math.round(caution * unseen * Math.max(0, best - this.#floor)));
    return Math.min(most, best + margin + kept + this.#rise.foreseen) | 0;
  }
}
