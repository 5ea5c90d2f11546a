/**
 * What each of many leads would have cost, on the blocks that are played.
 *
 * In: the lead each block required, and how much of the sound a guess usually gets wrong. Out, for each lead: the interruptions
 * remembered, and the frames that were missing. Elsewhere: the choice among the leads (target.js), the measure
 * (web/core/sound/audibility.js).
 *
 * A lead is late while it is shorter than required. Lateness that comes in pieces costs as many pieces: each begins anew. What is late
 * in silence counts as well: the network knows nothing of the sound. The audio thread calls this: no method makes an object.
 */

import { addInterruptions, wrongFrames } from '../sound/audibility.js';
import { ROW_FRAMES_MAX } from '../sound/constants.js';
import { INAUDIBLE_COST, LONG_STALL_MS } from './constants.js';
import { shorterThan } from './leads.js';
import { framesOf } from '../units.js';

export class LateCost {
  /** In rising order, frames. */
  leads;
  /** Remembered interruptions per lead. */
  interruptions;
  /** Remembered missing frames per lead, without those of long stalls. */
  missing;

  #longStallFrames;
  /** For how many frames nothing has arrived, and the lead required one block ago. */
  #stalled = 0;
  #required = 0;
  /** How many leads are late now; these are the shortest. */
  #late = 0;
  /** For each of those: frames missing in a row. */
  #row;

  /** @param {Int32Array} leads @param {number} streamRateHz */
  constructor(leads, streamRateHz) {
    this.leads = leads;
    this.interruptions = new Float64Array(leads.length);
    this.missing = new Float64Array(leads.length);
    this.#row = new Int32Array(leads.length);
    this.#longStallFrames = framesOf(LONG_STALL_MS, streamRateHz);
  }

  /**
   * Handles one block.
   *
   * @param {number} required whole frames @param {number} blockFrames of the stream @param {number} wrongShare Hearing.usualShare
   */
  observe(required, blockFrames, wrongShare) {
    this.#noticeStall(required, blockFrames);
    const before = this.#late;
    const late = shorterThan(this.leads, required, before);
    this.#late = late;
    for (let at = late; at < before; at += 1) this.#row[at] = 0;
    // Of the first late block, the frames that came in time are played.
    for (let at = before; at < late; at += 1) this.#miss(at, Math.min(blockFrames, required - /** @type {number} */ (this.leads[at])), wrongShare);
    for (let at = Math.min(before, late) - 1; at >= 0; at -= 1) this.#miss(at, blockFrames, wrongShare);
  }

  /** While nothing arrives, every block requires its own length more than the last. @param {number} required @param {number} blockFrames */
  #noticeStall(required, blockFrames) {
    const isStalled = required - this.#required > blockFrames / 2;
    this.#required = required;
    this.#stalled = isStalled ? this.#stalled + blockFrames : 0;
  }

  /** @param {number} at @param {number} frames @param {number} wrongShare */
  #miss(at, frames, wrongShare) {
    const before = /** @type {number} */ (this.#row[at]);
    const row = before + frames;
    if (before === 0) this.interruptions[at] = /** @type {number} */ (this.interruptions[at]) + INAUDIBLE_COST;
    addInterruptions(this.interruptions, at, wrongFrames(before, wrongShare), wrongFrames(row, wrongShare));
    // Beyond that every frame costs the same, for as long as the lead stays late.
    this.#row[at] = Math.min(row, ROW_FRAMES_MAX);
    const isLong = this.#stalled > this.#longStallFrames;
    const wasLong = this.#stalled - frames > this.#longStallFrames;
    // Whether a stall is long is only known once it lasted: then what it has added so far is taken back.
    const counted = !isLong ? frames : wasLong ? 0 : -Math.min(before, this.#longStallFrames);
    this.missing[at] = Math.max(0, /** @type {number} */ (this.missing[at]) + counted);
  }

  /** @param {number} kept share of the interruptions @param {number} keptMissing share of the missing frames */
  fade(kept, keptMissing) {
    for (let at = 0; at < this.leads.length; at += 1) {
      this.interruptions[at] = /** @type {number} */ (this.interruptions[at]) * kept;
      this.missing[at] = /** @type {number} */ (this.missing[at]) * keptMissing;
    }
  }

  /** Each lead takes over the sums of the lead that is this much longer. @param {number} frames */
  shift(frames) {
    const { leads, interruptions, missing } = this;
    for (let at = 0, from = 0; at < leads.length; at += 1) {
      const lead = /** @type {number} */ (leads[at]) + frames;
      while (from < leads.length - 1 && /** @type {number} */ (leads[from]) < lead) from += 1;
      interruptions[at] = /** @type {number} */ (interruptions[from]);
      missing[at] = /** @type {number} */ (missing[from]);
    }
  }
}
