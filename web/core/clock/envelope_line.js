/**
 * The relation of two clocks, observed through delays that are never negative.
 *
 * In: observations of how many units (arrived frames, rendered blocks) had happened by a Worker time. Each is late by anything
 * from nothing to a second. Out: a line through the observations that were hardly late: it gives the undelayed time of a unit,
 * and the rate of the units.
 * Elsewhere: the meaning of the units (live_edge.js). No clock is read here.
 *
 * The line uses only the least late observation of every second, and so sees a bad Wi-Fi like a cable. The line runs through the
 * lower half of ninety such seconds (measured: 2 ppm where raw arrivals swing by thousands). When the least delay has permanently
 * changed, the older seconds are shifted along, so that such a shift is never taken for a drift.
 */

import {
  DOUBT_SIGMA_PPM, DRIFT_PPM_MAX, FALL_BUCKETS, FIRST_NOISE_MS, FIRST_OFF_MS, LINE_BUCKETS, LINE_BUCKET_MS, LINE_FREEZE_FOR_MS,
  LINE_FREEZE_MS, LINE_FREEZE_SEEN_MIN, LINE_SHIFT_MS, LINE_SHIFT_SIGMAS, NOISE_MS_MIN, PRIOR_SIGMA_PPM,
  DRIFT_KNOWN_MS, REMEMBERED_SIGMA_PPM, RISE_BUCKETS, SHIFTS_AFTER_MS,
} from './constants.js';
import { fitLowerHalf, lineThrough } from './least_squares.js';

/**
 * The least late observation within a second.
 *
 * @typedef {object} Bucket
 * @property {number} at its time, ms since the first observation
 * @property {number} late its lateness against the nominal rate, ms
 * @property {number} slot the number of the second in Worker time, so that two lines use the same seconds
 * @property {number} level every shift begins a new one: how far apart two levels lie is not exactly known (levels.js)
 */

export class EnvelopeLine {
  /** Sum of the line's shifts since the beginning, ms. */
  shiftMs = 0;
  /**
   * Amount by which better observations have lowered the line in its first second, while only the smallest value so far is known;
   * negative.
   */
  loweredMs = 0;
  /** Excess of the arrival rate over the nominal rate, and its standard deviation. */
  driftPpm = 0;
  sigmaPpm = PRIOR_SIGMA_PPM;

  #unitsPerMs;
  #priorPpm = 0;
  #priorSigmaPpm = PRIOR_SIGMA_PPM;
  /** The first observation, from which everything is counted, so that doubles stay exact. */
  #unit0 = 0;
  #ms0 = 0;
  #known = false;
  /** @type {Bucket[]} */
  #buckets = [];
  /** @type {Bucket} */
  #open = { at: 0, late: Infinity, slot: -Infinity, level: 0 };
  #level = 0;
  /** The newest seconds if all of them lie on the same side of the line, and the one nearest to it. @type {Bucket[]} */
  #doubted = [];
  #doubtedAbove = 0;
  #lastMs = 0;
  /** The line: the lateness at a time. */
  #offset = 0;
  #slope = 0;
  #noiseMs = NOISE_MS_MIN;
  #aboveSinceMs = 0;
  #aboveSeen = 0;
  #aboveLeast = Infinity;
  #followsFreeze;

  /**
   * @param {number} unitsPerMs nominal rate
   * @param {boolean} followsFreeze the units may really stop and continue later (an audio thread); those of a network only seem
   *   to stop
   */
  constructor(unitsPerMs, followsFreeze) {
    this.#unitsPerMs = unitsPerMs;
    this.#followsFreeze = followsFreeze;
  }

  /** Sets a drift that is known from an earlier session on this device. @param {number} driftPpm */
  remember(driftPpm) {
    this.#priorPpm = clamp(driftPpm, DRIFT_PPM_MAX);
    this.#priorSigmaPpm = REMEMBERED_SIGMA_PPM;
    this.driftPpm = this.#priorPpm;
    this.sigmaPpm = this.#priorSigmaPpm;
    this.#slope = -this.#priorPpm * 1e-6;
  }

  /** The drift as it was known before anything was observed. @returns {{ppm: number, sigma_ppm: number}} */
  get prior() {
    return { ppm: this.#priorPpm, sigma_ppm: this.#priorSigmaPpm };
  }

  /** Starts again with new units (another timeline, another context); the drift stays known. */
  restart() {
    if (this.#lastMs >= DRIFT_KNOWN_MS && this.sigmaPpm < PRIOR_SIGMA_PPM / 2) {
      this.#priorPpm = this.driftPpm;
      this.#priorSigmaPpm = Math.max(REMEMBERED_SIGMA_PPM, this.sigmaPpm);
    }
    this.#known = false;
    this.#buckets = [];
    this.#doubted = [];
  }

  /** @param {number} unit the number of units that had happened @param {number} nowMs by this Worker time */
  observe(unit, nowMs) {
    if (!this.#known) this.#begin(unit, nowMs);
    const at = nowMs - this.#ms0;
    const slot = Math.floor(Math.max(nowMs, this.#ms0 + FIRST_OFF_MS) / LINE_BUCKET_MS);
    if (slot > this.#open.slot) {
      if (this.#open.late < Infinity) this.#closeBucket(at);
      this.#open.slot = slot;
    }
    const late = at - (unit - this.#unit0) / this.#unitsPerMs;
    this.#lastMs = at;
    if (this.#followsFreeze) this.#watchFreeze(at, late);
    if (late < this.#open.late) {
      this.#open.at = at;
      this.#open.late = late;
    }
    if (this.#buckets.length === 0) this.#lowerTo(Math.min(this.#offset, late - this.#slope * at));
  }

  /** @returns {boolean} whether anything was observed */
  get known() {
    return this.#known;
  }

  /** The seconds that the line goes through, oldest first. @returns {readonly Readonly<Bucket>[]} */
  get buckets() {
    return this.#buckets;
  }

  /** Time for which the units have been observed. @returns {number} ms */
  get watchedMs() {
    return this.#known ? this.#lastMs : 0;
  }

  /** @param {number} unit @returns {number} Worker time at which the unit happens undelayed */
  msOf(unit) {
    const nominal = (unit - this.#unit0) / this.#unitsPerMs;
    // late = offset + slope * at, and at = nominal + late.
    return this.#ms0 + (nominal + this.#offset) / (1 - this.#slope);
  }

  /** @param {number} ms Worker time @returns {number} the unit that happens then without delay, with its fraction */
  unitAt(ms) {
    const at = ms - this.#ms0;
    return this.#unit0 + (at - this.#offset - this.#slope * at) * this.#unitsPerMs;
  }

  /** @param {number} unit @param {number} nowMs */
  #begin(unit, nowMs) {
    this.#known = true;
    this.#unit0 = unit;
    this.#ms0 = nowMs;
    this.loweredMs = 0;
    this.#offset = 0;
    this.#slope = -this.driftPpm * 1e-6;
    this.#noiseMs = NOISE_MS_MIN;
    this.#openBucket();
    this.#forgetFreeze();
  }

  /** Used at the very beginning. @param {number} offset */
  #lowerTo(offset) {
    this.loweredMs += offset - this.#offset;
    this.#offset = offset;
  }

  #openBucket() {
    this.#open = { at: 0, late: Infinity, slot: -Infinity, level: 0 };
  }

  /** @param {number} at */
  #closeBucket(at) {
    const bucket = this.#open;
    this.#openBucket();
    const above = bucket.late - this.#offset - this.#slope * bucket.at;
    if (at < SHIFTS_AFTER_MS || Math.abs(above) <= this.#toleranceMs) this.#take(bucket);
    else this.#doubt(bucket, above);
    this.#fit();
  }

  /** @returns {number} how far from the line a second may lie without suspicion, ms */
  get #toleranceMs() {
    const drifted = (Math.min(this.sigmaPpm, DOUBT_SIGMA_PPM) * LINE_SHIFT_SIGMAS * LINE_BUCKET_MS * RISE_BUCKETS) / 1e6;
    return Math.max(LINE_SHIFT_MS, LINE_SHIFT_SIGMAS * this.#noiseMs) + drifted;
  }

  /**
   * Handles a second near the line. Earlier suspicious seconds were late by chance; nothing is early by chance.
   *
   * @param {Bucket} bucket
   */
  #take(bucket) {
    if (this.#doubtedAbove > 0) for (const doubted of this.#doubted) this.#keep(doubted);
    this.#doubted = [];
    this.#keep(bucket);
  }

  /** @param {Bucket} bucket */
  #keep(bucket) {
    bucket.level = this.#level;
    this.#buckets.push(bucket);
    if (this.#buckets.length > LINE_BUCKETS) this.#buckets.shift();
  }

  /**
   * Handles a second off the line. After enough of them in a row, the older seconds are shifted along.
   *
   * @param {Bucket} bucket @param {number} above
   */
  #doubt(bucket, above) {
    const isSameSide = this.#doubted.length > 0 && above > 0 === this.#doubtedAbove > 0;
    this.#doubtedAbove = !isSameSide ? above : above > 0 ? Math.min(above, this.#doubtedAbove) : Math.max(above, this.#doubtedAbove);
    this.#doubted = isSameSide ? [...this.#doubted, bucket] : [bucket];
    if (this.#doubted.length < (above > 0 ? RISE_BUCKETS : FALL_BUCKETS)) return;
    this.#shift(this.#doubtedAbove);
    for (const doubted of this.#doubted) this.#keep(doubted);
    this.#doubted = [];
  }

  /** @param {number} ms */
  #shift(ms) {
    for (const bucket of this.#buckets) bucket.late += ms;
    this.#level += 1;
    this.#offset += ms;
    this.shiftMs += ms;
  }

  #fit() {
    fitLowerHalf(this.#buckets, (points) => this.#fitThrough(points), (point) => point.late - this.#offset - this.#slope * point.at);
  }

  /** Least squares with a prior for the slope. @param {readonly Bucket[]} points at least one */
  #fitThrough(points) {
    const { at: meanAt, late: meanLate, spread, product } = lineThrough(points);
    const variance = this.#noiseMs ** 2;
    const priorVariance = (this.#priorSigmaPpm * 1e-6) ** 2;
    const weight = spread / variance + 1 / priorVariance;
    const slope = (product / variance - (this.#priorPpm * 1e-6) / priorVariance) / weight;
    this.#slope = clamp(slope, DRIFT_PPM_MAX * 1e-6);
    this.#offset = meanLate - this.#slope * meanAt;
    const residual = points.reduce((sum, { at, late }) => sum + (late - this.#offset - this.#slope * at) ** 2, 0);
    // The line uses two degrees of freedom; few points give little information about their noise.
    this.#noiseMs = Math.max(NOISE_MS_MIN, Math.sqrt((residual + 4 * FIRST_NOISE_MS ** 2) / (points.length + 2)));
    this.driftPpm = -this.#slope * 1e6;
    this.sigmaPpm = 1e6 / Math.sqrt(weight);
  }

  /** @param {number} at @param {number} late */
  #watchFreeze(at, late) {
    const above = late - this.#offset - this.#slope * at;
    if (above < LINE_FREEZE_MS) return this.#forgetFreeze();
    if (this.#aboveSeen === 0) this.#aboveSinceMs = at;
    this.#aboveSeen += 1;
    this.#aboveLeast = Math.min(this.#aboveLeast, above);
    if (at - this.#aboveSinceMs < LINE_FREEZE_FOR_MS || this.#aboveSeen < LINE_FREEZE_SEEN_MIN) return;
    const rise = this.#aboveLeast;
    this.#shift(rise);
    this.#doubted = [];
    this.#openBucket();
    this.#forgetFreeze();
  }

  #forgetFreeze() {
    this.#aboveSeen = 0;
    this.#aboveLeast = Infinity;
  }
}

/** @param {number} value @param {number} most @returns {number} */
function clamp(value, most) {
  return Math.min(most, Math.max(-most, value));
}
