/**
 * Splices: finds places where the stream can jump to another place inaudibly.
 *
 * In: the sound that is about to play, and the stream around the desired place. Out: the offset at which the two match best, how
 * well they match, and the crossfade to use. Elsewhere: whether and when to splice, and the splice itself (the caller).
 *
 * A call searches coarsely at a quarter of the rate over all offsets, then finely around the best. Only the constructor
 * allocates.
 */

import {
  COARSE_DECIMATION, FAR_PENALTY, FINE_CANDIDATES, LAW_SAME, OVERLAP_FRAMES, SEARCH_REACH_FRAMES, SILENCE_FRAMES, SILENCE_LEVEL,
} from './constants.js';
import { lawFor, raisedCosine, riseTables } from './fades.js';

export const REGION_FRAMES = OVERLAP_FRAMES + 2 * SEARCH_REACH_FRAMES;
/** Gains of the incoming sound, by law (fades.js); the outgoing sound uses the same table backwards. */
export const OVERLAP = riseTables(OVERLAP_FRAMES);

/** The power at that level: two silences always match. */
const SILENCE_POWER = SILENCE_LEVEL * SILENCE_LEVEL;

/** Two half-band filters in one, Hann-shaped: -6 dB at 4.4 kHz, small enough for one call. */
const LOW_PASS = hann(2 * COARSE_DECIMATION);
const COARSE_OVERLAP = Math.floor((OVERLAP_FRAMES - LOW_PASS.length) / COARSE_DECIMATION) + 1;
const COARSE_REGION = Math.floor((REGION_FRAMES - LOW_PASS.length) / COARSE_DECIMATION) + 1;

/** @param {number} taps @returns {Float64Array} whose sum is 1 */
function hann(taps) {
  const shape = Float64Array.from({ length: taps }, (_, tap) => raisedCosine((2 * Math.PI * (tap + 0.5)) / taps));
  const sum = shape.reduce((total, tap) => total + tap, 0);
  return shape.map((tap) => tap / sum);
}

export class SpliceSearch {
  /** The sound that is about to play; the caller fills it. */
  outgoingLeft = new Float32Array(OVERLAP_FRAMES);
  outgoingRight = new Float32Array(OVERLAP_FRAMES);
  /** The stream, beginning SEARCH_REACH_FRAMES before the desired place; the caller fills it. */
  incomingLeft = new Float32Array(REGION_FRAMES);
  incomingRight = new Float32Array(REGION_FRAMES);

  /** Results of find(): frames to add to the desired place, and the index of the crossfade in OVERLAP. */
  offsetFrames = 0;
  law = LAW_SAME;
  /** Normalised correlation at the place found, -1 to 1, in [0]. */
  correlation = new Float64Array(1);

  #outgoing = new Float64Array(OVERLAP_FRAMES);
  #incoming = new Float64Array(REGION_FRAMES);
  #coarseOutgoing = new Float64Array(COARSE_OVERLAP);
  #coarseIncoming = new Float64Array(COARSE_REGION);
  #scores = new Float64Array(COARSE_REGION - COARSE_OVERLAP + 1);
  /** Best place of the fine search, an index into the region. */
  #place = 0;
  #bestScore = new Float64Array(1);
  #fit = new Float64Array(1);

  /**
   * Finds the best offset between two limits. They are needed because the stream may not fill the region.
   *
   * @param {number} least frames, -SEARCH_REACH_FRAMES or more @param {number} most frames, SEARCH_REACH_FRAMES or less
   */
  find(least, most) {
    mix(this.outgoingLeft, this.outgoingRight, this.#outgoing);
    mix(this.incomingLeft, this.incomingRight, this.#incoming);
    decimate(this.#outgoing, this.#coarseOutgoing);
    decimate(this.#incoming, this.#coarseIncoming);
    const first = least + SEARCH_REACH_FRAMES;
    const last = most + SEARCH_REACH_FRAMES;
    this.#score(Math.ceil(first / COARSE_DECIMATION), Math.floor(last / COARSE_DECIMATION));
    this.#place = Math.max(first, Math.min(last, SEARCH_REACH_FRAMES));
    this.#bestScore[0] = -2;
    this.#tryPlace(this.#place);
    for (let candidate = 0; candidate < FINE_CANDIDATES; candidate += 1) {
      const peak = this.#takePeak();
      if (peak < 0) break;
      const around = peak * COARSE_DECIMATION;
      const end = Math.min(last, around + COARSE_DECIMATION);
      for (let place = Math.max(first, around - COARSE_DECIMATION); place <= end; place += 1) this.#tryPlace(place);
    }
    this.#settle();
  }

  /** Correlations of the coarse search; -2 outside. @param {number} first @param {number} last coarse places */
  #score(first, last) {
    const outgoing = this.#coarseOutgoing;
    const incoming = this.#coarseIncoming;
    const scores = this.#scores.fill(-2);
    const end = Math.min(last, scores.length - 1);
    for (let place = first; place <= end; place += 1) {
      fit(outgoing, incoming, place, this.#fit);
      scores[place] = /** @type {number} */ (this.#fit[0]) - farPenalty(place * COARSE_DECIMATION);
    }
  }

  /** Removes the highest remaining peak and its neighbourhood from the scores. @returns {number} its place, -1 if none is left */
  #takePeak() {
    const scores = this.#scores;
    let best = -1;
    for (let place = 0; place < scores.length; place += 1) {
      const score = /** @type {number} */ (scores[place]);
      if (score > -2 && (best < 0 || score > /** @type {number} */ (scores[best]))) best = place;
    }
    if (best < 0) return best;
    for (let place = Math.max(0, best - 2); place <= Math.min(scores.length - 1, best + 2); place += 1) scores[place] = -2;
    return best;
  }

  /** @param {number} place index into the region */
  #tryPlace(place) {
    fit(this.#outgoing, this.#incoming, place, this.#fit);
    const correlation = /** @type {number} */ (this.#fit[0]);
    const score = correlation - farPenalty(place);
    if (score <= /** @type {number} */ (this.#bestScore[0])) return;
    this.#bestScore[0] = score;
    this.correlation[0] = correlation;
    this.#place = place;
  }

  #settle() {
    this.offsetFrames = this.#place - SEARCH_REACH_FRAMES;
    this.law = lawFor(/** @type {number} */ (this.correlation[0]));
  }
}

/** @param {number} place index into the region @returns {number} */
function farPenalty(place) {
  return (FAR_PENALTY * Math.abs(place - SEARCH_REACH_FRAMES)) / SEARCH_REACH_FRAMES;
}

/** The mid channel. @param {Float32Array} left @param {Float32Array} right @param {Float64Array} mid */
function mix(left, right, mid) {
  for (let frame = 0; frame < mid.length; frame += 1) {
    mid[frame] = (/** @type {number} */ (left[frame]) + /** @type {number} */ (right[frame])) / 2;
  }
}

/** @param {Float64Array} samples @param {Float64Array} coarse as many as fit */
function decimate(samples, coarse) {
  for (let place = 0; place < coarse.length; place += 1) {
    let sum = 0;
    for (let tap = 0; tap < LOW_PASS.length; tap += 1) {
      sum += /** @type {number} */ (LOW_PASS[tap]) * /** @type {number} */ (samples[place * COARSE_DECIMATION + tap]);
    }
    coarse[place] = sum;
  }
}

/**
 * Writes the normalised correlation into result[0] (a returned number would be an object). Silence matches silence.
 *
 * @param {Float64Array} outgoing @param {Float64Array} incoming @param {number} place index in incoming
 *   @param {Float64Array} result
 */
function fit(outgoing, incoming, place, result) {
  const frames = outgoing.length;
  let product = 0;
  let outgoingPower = 0;
  let incomingPower = 0;
  for (let frame = 0; frame < frames; frame += 1) {
    const one = /** @type {number} */ (outgoing[frame]);
    const other = /** @type {number} */ (incoming[place + frame]);
    product += one * other;
    outgoingPower += one * one;
    incomingPower += other * other;
  }
  const floor = SILENCE_POWER * frames;
  const both = Math.sqrt(Math.max(outgoingPower, floor) * Math.max(incomingPower, floor));
  result[0] = outgoingPower < floor && incomingPower < floor ? 1 : product / both;
}

/** Tells whether the last played sound was silence: then a cut is inaudible anywhere. */
export class SilenceDetector {
  /** Number of consecutive frames below the level (limited). */
  #quietFrames = 0;

  /** @returns {boolean} */
  get silent() {
    return this.#quietFrames >= SILENCE_FRAMES;
  }

  /** @param {Float32Array} left @param {Float32Array} right @param {number} from @param {number} frames */
  observe(left, right, from, frames) {
    for (let frame = from; frame < from + frames; frame += 1) {
      const loudest = Math.max(Math.abs(/** @type {number} */ (left[frame])), Math.abs(/** @type {number} */ (right[frame])));
      this.#quietFrames = loudest < SILENCE_LEVEL ? Math.min(SILENCE_FRAMES, this.#quietFrames + 1) : 0;
    }
  }
}
