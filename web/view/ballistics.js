/**
 * The movement of a level meter: up at once, down slowly, with a mark that holds the peak.
 *
 * In: the peak since the last step, and the time. Out: the positions of bar and mark, 0 to 1 of the meter's length. Pure: the
 * time is a parameter, no clock is read here.
 */

/** Level below which the meter shows no difference: a phone's width resolves no more than 60 dB. */
export const FLOOR_DB = -60;

/** Fall of the bar. IEC 60268-18 lets a digital peak meter fall 20 dB in 1.7 s; a small meter is easier to read at twice that speed. */
const FALL_DB_PER_S = 24;

/** Time for which the peak mark stays, and speed at which it then falls. */
const HOLD_MS = 1500;
const HOLD_FALL_DB_PER_S = 12;

/** Int16's largest value is 0.99997 of full scale: this is where the converter may have clipped. */
const CLIP_LINEAR = 0.9999;

/** Long enough for a player who looks up only occasionally. */
const CLIP_SHOWN_MS = 3000;

export class Ballistics {
  barDb = FLOOR_DB;
  holdDb = FLOOR_DB;
  clipped = false;
  #heldSinceMs = -Infinity;
  #clippedMs = -Infinity;
  #lastMs = NaN;

  /** @param {number} peak linear, 0 to 1, since the last step @param {number} nowMs */
  step(peak, nowMs) {
    const elapsedS = Number.isNaN(this.#lastMs) ? 0 : Math.max(0, nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    const peakDb = linearToDb(peak);
    this.barDb = Math.max(peakDb, this.barDb - FALL_DB_PER_S * elapsedS, FLOOR_DB);
    if (peakDb >= this.holdDb) {
      this.holdDb = peakDb;
      this.#heldSinceMs = nowMs;
    } else if (nowMs - this.#heldSinceMs > HOLD_MS) {
      this.holdDb = Math.max(this.barDb, this.holdDb - HOLD_FALL_DB_PER_S * elapsedS);
    }
    if (peak >= CLIP_LINEAR) this.#clippedMs = nowMs;
    this.clipped = nowMs - this.#clippedMs < CLIP_SHOWN_MS;
  }

  /** Empties the meter at once when the sound stops, because no further step may come. */
  rest() {
    this.barDb = FLOOR_DB;
    this.holdDb = FLOOR_DB;
    this.clipped = false;
    this.#heldSinceMs = -Infinity;
    this.#clippedMs = -Infinity;
    this.#lastMs = NaN;
  }
}

/** @param {number} db @returns {number} 0 at the floor, 1 at full scale */
export function meterPosition(db) {
  return Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
}

/** @param {number} linear @returns {number} dBFS, never below the floor nor above 0 */
export function linearToDb(linear) {
  return linear > 0 ? Math.min(0, Math.max(FLOOR_DB, 20 * Math.log10(linear))) : FLOOR_DB;
}
