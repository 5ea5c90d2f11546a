/**
 * Holes that may still be filled, because records were overtaken by others, as happens with datagrams.
 *
 * In: where records are missing, and records that arrive late. Out: whether they fit, and which frames are lost. Elsewhere: the
 * cause of a loss (receiver.js), and the frames themselves (ring.js). No clock is read here.
 *
 * A hole is filled from its ends. That suffices for neighbours that swapped places, and for a few late records in any order. A transport that
 * keeps order never makes a hole.
 */

import { HOLES_MAX, HOLE_KEPT_MS } from './constants.js';

/**
 * @typedef {{seq: number, records: number, frameIndex: number, end: number, atMs: number}} Hole the first missing record, and how
 *   many are missing; the missing frames; when the hole was found
 */

export class Holes {
  /** @type {Hole[]} */
  #open = [];

  /** @param {Hole} hole @returns {Hole[]} older holes, given up for lack of room */
  open(hole) {
    this.#open.push(hole);
    return this.#open.length > HOLES_MAX ? this.#open.splice(0, 1) : [];
  }

  /**
   * @param {{seq: number, frameIndex: number, frames: number}} record
   * @returns {Hole | null} the hole that has this record at one of its ends
   */
  holeFor({ seq, frameIndex, frames }) {
    return this.#open.find((hole) => {
      const isOfHole = ((seq - hole.seq) >>> 0) < hole.records && frameIndex >= hole.frameIndex && frameIndex + frames <= hole.end;
      return isOfHole && (frameIndex === hole.frameIndex || frameIndex + frames === hole.end);
    }) ?? null;
  }

  /** @param {Hole} hole @param {{frameIndex: number, frames: number}} record that fits */
  filled(hole, { frameIndex, frames }) {
    if (frameIndex === hole.frameIndex) hole.frameIndex += frames;
    else hole.end -= frames;
    if (hole.frameIndex === hole.end) this.#open.splice(this.#open.indexOf(hole), 1);
  }

  /** @param {number} nowMs Infinity: give up all @returns {Hole[]} holes that will no longer be filled */
  givenUp(nowMs) {
    let old = 0;
    while (old < this.#open.length && nowMs - /** @type {Hole} */ (this.#open[old]).atMs >= HOLE_KEPT_MS) old += 1;
    return old === 0 ? [] : this.#open.splice(0, old);
  }

  /** @returns {boolean} */
  get any() {
    return this.#open.length > 0;
  }
}
