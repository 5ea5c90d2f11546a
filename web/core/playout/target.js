/**
 * The lead target: how far behind the live edge the reader should be.
 *
 * In: the lead that each block required. Out: the target. Elsewhere: how the reader gets there (steering.js, playout.js).
 * No clock is read: time is counted in frames. The audio thread calls this: no method makes an object.
 *
 * A longer lead costs delay, a shorter one costs interruptions. One law weighs the two: the candidate with the least
 * `lead + price x root of the interruptions remembered` wins. The interruptions of each candidate are counted on the blocks that are played,
 * so the law assumes nothing about a network's statistics. While little has been seen, it keeps more than was needed so far. Because of the
 * root, the first interruptions weigh most: a burst of 100 ms is worth covering once it was heard, a stall of 300 ms only if it comes many
 * times in some minutes.
 */

import { STREAM_RATE_HZ } from '../constants.js';
import {
  AUTO, CAUTION_MS_MAX, CAUTIOUS_MS, FIRST_TARGET_MS, FORGOTTEN, FRAMES_BEYOND, LEAD_MS_MIN, LOWEST, MEMORY_MS_MIN, MEMORY_STEP_MS,
  PATIENCE_MS, RESTING_MS, SAFEST, SHOWN_STEPS, STEP_MS, STILL_LATE_MS, TARGET_FACTOR, TARGET_LEADS, WORTH_MS,
} from './constants.js';
import { MODE } from './controls.js';
import { framesOf } from '../units.js';
import { LeadCounter } from './lead_counter.js';

/** @import { Law } from './constants.js' */

/** @param {Law} law in milliseconds @param {(ms: number) => number} frames @returns {Law} in frames */
function inFrames({ price, memory, margin, caution, most }, frames) {
  return { price: frames(price), memory: frames(memory), margin: frames(margin), caution, most: frames(most) };
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
  /** Remembered interruptions, per candidate. */
  #counter;
  /** Frames observed, up to the length of memory. */
  #age = 0;
  #bucketFrames = 0;
  #bucketMost = 0;
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
  #stillLateFrames;
  #memoryFramesMin;
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
    this.frames = frames(FIRST_TARGET_MS);
    this.#laws = { auto: inFrames(AUTO, frames), lowest: inFrames(LOWEST, frames), safest: inFrames(SAFEST, frames) };
    this.#law = this.#laws.auto;
    this.#leadFramesMin = frames(LEAD_MS_MIN);
    this.#stillLateFrames = frames(STILL_LATE_MS);
    this.#memoryFramesMin = frames(MEMORY_MS_MIN);
    this.#cautiousFrames = frames(CAUTIOUS_MS);
    this.#cautionFramesMax = frames(CAUTION_MS_MAX);
    this.#worthFrames = frames(WORTH_MS);
    this.#bucketLength = frames(MEMORY_STEP_MS);
    this.#stepFrames = frames(STEP_MS);
    this.#restingFrames = frames(RESTING_MS);
    this.#patienceFrames = frames(PATIENCE_MS);
    const least = this.#leadFramesMin;
    const leads = Int32Array.from({ length: TARGET_LEADS }, (_, at) => Math.round(least * TARGET_FACTOR ** at));
    this.#counter = new LeadCounter(leads, new Float64Array(TARGET_LEADS), streamRateHz);
  }

  /** @param {number} mode of MODE @param {number} fixedFrames the lead of MODE.FIXED */
  choose(mode, fixedFrames) {
    if (mode === this.#mode && fixedFrames === this.#fixedFrames) return;
    this.#mode = mode;
    this.#fixedFrames = fixedFrames;
    // While the listener has fixed the lead, the law of AUTO continues to learn.
    this.#law = mode === MODE.LOWEST ? this.#laws.lowest : mode === MODE.SAFEST ? this.#laws.safest : this.#laws.auto;
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
   */
  observe(requiredFrames, blockFrames) {
    const wanted = requiredFrames + this.#law.margin;
    const stays = blockFrames / this.#stillLateFrames;
    const counter = this.#counter;
    // Leads are whole numbers: none lies between the desired value and the next whole number.
    const late = counter.lateFor(Math.ceil(wanted) | 0);
    for (let at = 0; at < late; at += 1) {
      counter.sums[at] = /** @type {number} */ (counter.sums[at]) + stays + (counter.isNew(at) ? 1 : 0);
      counter.mark(at);
    }
    counter.advance(blockFrames);
    if (requiredFrames > this.#bucketMost) this.#bucketMost = requiredFrames;
    this.#bucketFrames += blockFrames;
    if (this.#bucketFrames >= this.#bucketLength) this.#closeBucket();
    // While a block is late its cost is unknown: a burst that seems worth covering may turn out to be a stall.
    if (wanted > this.#onTimeFrames) this.frames = this.#longer();
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
    if (surplus > this.#stepFrames && !isSilent && this.#surplusFrames < this.#patienceFrames) return;
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
    if (frames > 0) return;
    this.#counter.shift(-frames);
    for (let at = 0; at < SHOWN_STEPS; at += 1) {
      this.#recent[at] = Math.max(0, /** @type {number} */ (this.#recent[at]) + frames);
    }
  }

  #closeBucket() {
    const frames = this.#bucketFrames;
    this.#age = Math.min(this.#age + frames, this.#law.memory);
    this.#counter.fade(frames, Math.max(this.#age, this.#memoryFramesMin));
    this.#counter.settle();
    this.#floor = Math.min(this.#floor, this.#bucketMost);
    this.#recent[this.#bucket] = this.#bucketMost;
    this.#bucket = (this.#bucket + 1) % SHOWN_STEPS;
    let most = 0;
    for (let at = 0; at < SHOWN_STEPS; at += 1) most = Math.max(most, /** @type {number} */ (this.#recent[at]));
    this.requiredFrames = most;
    this.#bucketFrames = 0;
    this.#bucketMost = 0;
  }

  /** @returns {number} a longer lead where it is worth more than its price */
  #longer() {
    const best = this.#best();
    if (best <= this.#onTimeFrames) return this.#onTimeFrames;
    let at = 0;
    while (at < TARGET_LEADS - 1 && /** @type {number} */ (this.#counter.leads[at + 1]) <= this.#onTimeFrames) at += 1;
    return this.#costAt(at) - this.#leastCost < this.#worthFrames ? this.#onTimeFrames : best;
  }

  /** @param {number} at candidate @returns {number} frames */
  #costAt(at) {
    const interruptions = Math.sqrt(/** @type {number} */ (this.#counter.sums[at]) + FORGOTTEN) - Math.sqrt(FORGOTTEN);
    return /** @type {number} */ (this.#counter.leads[at]) + this.#law.price * interruptions;
  }

  /** @returns {number} the lead with the least cost */
  #best() {
    if (this.#mode === MODE.FIXED) return this.#fixedFrames;
    const { most, caution } = this.#law;
    let best = 0;
    let leastCost = Infinity;
    for (let at = 0; at < TARGET_LEADS && /** @type {number} */ (this.#counter.leads[at]) <= most; at += 1) {
      const cost = this.#costAt(at);
      if (cost >= leastCost) continue;
      leastCost = cost;
      best = /** @type {number} */ (this.#counter.leads[at]);
    }
    this.#leastCost = Math.min(Math.round(leastCost), FRAMES_BEYOND) | 0;
    const unseen = Math.max(0, 1 - this.#age / this.#cautiousFrames);
    const kept = Math.min(this.#cautionFramesMax, Math.round(caution * unseen * Math.max(0, best - this.#floor)));
    return Math.min(most, best + kept) | 0;
  }
}
