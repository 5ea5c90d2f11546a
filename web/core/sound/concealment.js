/**
 * Concealment: the sound in place of missing frames.
 *
 * In: the frames played so far. Out: a guess at the next ones, at full level for 5 ms and silent after 20 ms.
 * Elsewhere: models (models.js, burg.js) and their predictions (bands.js, guess.js). The caller decides when a gap begins and
 * ends, and crossfades back to real frames with RE_ENTRY and `law` from here.
 *
 * Models of the sound are always ready: each block computes a limited slice of them from the played sound. When a gap begins, the
 * models continue from the newest frames, so the guess begins without a step. In sounds that ring, a gap below 5 ms is nearly
 * inaudible, and a longer one is a soft dip in the level. Memory is allocated only at construction.
 */

import {
  EDGE_ORDER, ENERGY_LEAST, ERROR_DISTRUSTED, ERROR_TRUSTED, FRESH_ORDER, FRESH_TRUST, FRESH_WINDOW, FULL_LEVEL_FRAMES,
  GUESS_FRAMES, HIGH_ORDER, LOW_ORDER, REHEARSAL_FRAMES, REHEARSAL_ROUNDS, RE_ENTRY_FRAMES, TRIAL,
} from './constants.js';
import { Past } from './bands.js';
import { Burg } from './burg.js';
import { DISTRUSTED_GAINS, GAINS, lawFor, riseTables } from './fades.js';
import { Guess } from './guess.js';
import { copyEnd, ModelMaker } from './models.js';

/** Gains of the returning sound, by law (fades.js); the guess uses the same table backwards. */
export const RE_ENTRY = riseTables(RE_ENTRY_FRAMES);

export class Concealer {
  #left = new Past();
  #right = new Past();
  #maker = new ModelMaker();
  #fresh = new Burg(FRESH_ORDER, FRESH_WINDOW);

  /** The models of this gap. */
  #used = { edge: new Float64Array(EDGE_ORDER), low: new Float64Array(LOW_ORDER), high: new Float64Array(HIGH_ORDER) };
  #guessLeft = new Guess();
  #guessRight = new Guess();
  #guessed = GUESS_FRAMES;
  /** Energies in a trial: of the error, and of the sound. */
  #trial = new Float64Array(2);
  /** Trust from 0 to 1: in this guess, and in the model on trial. */
  #trust = new Float64Array(2);

  /** @returns {boolean} whether the guess has ended */
  get silent() {
    return this.#guessed === GUESS_FRAMES;
  }

  /**
   * The law of the crossfade back (RE_ENTRY), to be read when real frames return. A trusted guess at full level counts as the
   * same sound; later it counts as unrelated.
   *
   * @returns {number}
   */
  get law() {
    return this.#guessed > FULL_LEVEL_FRAMES ? 0 : lawFor(/** @type {number} */ (this.#trust[0]));
  }

  /**
   * Remembers frames that were played, real or guessed.
   *
   * @param {Float32Array} left @param {Float32Array} right @param {number} from index of the first @param {number} frames
   */
  remember(left, right, from, frames) {
    this.#left.remember(left, from, frames);
    this.#right.remember(right, from, frames);
  }

  /** @returns {Float64Array} the share of the newest sound's energy that a guess gets wrong, 0 to 1, in [0] */
  get share() {
    return this.#maker.share;
  }

  /** Works on the next models. Call it with every block. @param {number} frames of the block */
  prepare(frames) {
    this.#maker.work(this.#left, this.#right, frames);
  }

  /**
   * Conceals gaps in a sound that nobody hears, then forgets everything. The engine compiles code only after it has run several
   * times; with uncompiled code, the first models and the first gap of a session would take the time of several blocks. Call it
   * once, before there is sound.
   */
  rehearse() {
    const left = new Float32Array(REHEARSAL_FRAMES);
    const right = new Float32Array(REHEARSAL_FRAMES);
    for (let round = 0; round < REHEARSAL_ROUNDS; round += 1) {
      for (let frame = 0; frame < REHEARSAL_FRAMES; frame += 1) {
        const time = round * REHEARSAL_FRAMES + frame;
        left[frame] = Math.sin(time * 0.05) + Math.sin(time * time); // a tone, and something similar to noise
        right[frame] = Math.cos(time * 0.05);
      }
      this.remember(left, right, 0, REHEARSAL_FRAMES);
      this.prepare(REHEARSAL_FRAMES);
      this.begin();
      this.#tryFresh();
      this.predict(left, right, 0, REHEARSAL_FRAMES);
    }
    this.#left.forget();
    this.#right.forget();
    this.#maker.forget();
    this.#guessed = GUESS_FRAMES;
  }

  /** Begins a gap after the last remembered frame. A gap within the crossfade back from another one begins like any other. */
  begin() {
    const used = this.#used;
    const newest = this.#maker.models;
    copyEnd(newest.edge, EDGE_ORDER, used.edge);
    copyEnd(newest.low, LOW_ORDER, used.low);
    copyEnd(newest.high, HIGH_ORDER, used.high);
    const leftSounds = this.#guessLeft.begin(this.#left, used);
    const rightSounds = this.#guessRight.begin(this.#right, used);
    this.#guessed = leftSounds || rightSounds ? 0 : GUESS_FRAMES;
    this.#try(0);
    if (/** @type {number} */ (this.#trust[0]) < 1) this.#tryFresh();
  }

  /** Measures how far the model in use can be trusted. @param {number} into 0 or 1: the index in #trust */
  #try(into) {
    const trial = this.#trial.fill(0);
    this.#guessLeft.try(this.#used.low, trial);
    this.#guessRight.try(this.#used.low, trial);
    const share = (/** @type {number} */ (trial[0]) + ENERGY_LEAST) / (/** @type {number} */ (trial[1]) + ENERGY_LEAST);
    this.#trust[into] = Math.max(0, Math.min(1, (ERROR_DISTRUSTED - share) / (ERROR_DISTRUSTED - ERROR_TRUSTED)));
  }

  /**
   * Makes a model of only the newest sound. The model is tried on frames that it was made without; if it is better, it is made
   * again with them.
   */
  #tryFresh() {
    this.#makeFresh(TRIAL);
    this.#try(1);
    const fresh = Math.max(FRESH_TRUST, /** @type {number} */ (this.#trust[1]));
    if (fresh > /** @type {number} */ (this.#trust[0])) {
      this.#trust[0] = fresh;
      this.#makeFresh(0);
    } else {
      copyEnd(this.#maker.models.low, LOW_ORDER, this.#used.low);
    }
    this.#guessLeft.reconsider(this.#used.low);
    this.#guessRight.reconsider(this.#used.low);
  }

  /** @param {number} back samples of the low band to leave out */
  #makeFresh(back) {
    const fresh = this.#fresh;
    this.#guessLeft.copyLow(fresh.left, back);
    this.#guessRight.copyLow(fresh.right, back);
    fresh.begin();
    while (!fresh.step(FRESH_WINDOW * LOW_ORDER));
    const low = this.#used.low.fill(0);
    for (let i = 0; i < FRESH_ORDER; i += 1) low[i] = /** @type {number} */ (fresh.coefficients[i]);
  }

  /**
   * Writes the next guessed frames, continuing from the last call.
   *
   * @param {Float32Array} left @param {Float32Array} right @param {number} at index of the first @param {number} frames
   */
  predict(left, right, at, frames) {
    const trust = /** @type {number} */ (this.#trust[0]);
    const sounding = Math.min(frames, GUESS_FRAMES - this.#guessed);
    this.#guessLeft.next(left, at, sounding, this.#used);
    this.#guessRight.next(right, at, sounding, this.#used);
    for (let frame = at; frame < at + sounding; frame += 1) {
      const distrusted = /** @type {number} */ (DISTRUSTED_GAINS[this.#guessed]);
      const gain = /** @type {number} */ (GAINS[this.#guessed]) * (trust + (1 - trust) * distrusted);
      left[frame] = /** @type {number} */ (left[frame]) * gain;
      right[frame] = /** @type {number} */ (right[frame]) * gain;
      this.#guessed += 1;
    }
    for (let frame = at + sounding; frame < at + frames; frame += 1) {
      left[frame] = 0;
      right[frame] = 0;
    }
  }
}
