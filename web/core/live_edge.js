/**
 * The live edge: which frame would be the newest in the ring when a block is rendered, had the network no delay above
 * its least.
 *
 * In: when records arrived, and which block had been rendered at a time, both in page time. Out: a straight line from
 * context frames to positions of the stream, and the drift between the two clocks. Two lower envelopes, one after the
 * other: block to page time, page time to frame. Runs in the Worker; the audio thread follows the line (playout.js).
 * A constant error of either envelope cancels out: the lead that a block required is measured against the same line.
 */

import { EnvelopeLine } from './envelope_line.js';
import { STREAM_RATE_HZ } from './units.js';

/** How long to wait, at random between these, until the audio thread's block is looked at again. */
const LOOK_MS_LEAST = 4;
const LOOK_MS_MOST = 24;
/** Sound is placed once records have come, and blocks have gone, for so long: the least of it is the network's least. */
const ACQUISITION_MS = 120;
const BLOCKS_MIN = 8;
/** A drift below so many sigmas cannot be told from none; one clock for both ends is then believed, and samples stay exact. */
const SURE_SIGMAS = 3;
const UNSURE_SIGMAS = 1;

/** @param {number} chance 0 to 1 @returns {number} ms until the audio thread's block is to be looked at again */
export function nextLookMs(chance) {
  return LOOK_MS_LEAST + chance * (LOOK_MS_MOST - LOOK_MS_LEAST);
}

/**
 * @typedef {object} Line
 * @property {number} context_frame at this frame of the context, unwrapped
 * @property {number} position the live edge is here, unwrapped, with a fraction
 * @property {number} drift_ppm and moves by so much faster than nominal; 0 exactly where no drift is certain
 * @property {number} stepped_frames by how much the network's own least delay moved the line so far
 */

/**
 * What is known of a device's clocks from an earlier session: how much faster than page time the stream and the context run.
 *
 * @typedef {{stream_ppm: number, context_ppm: number}} ClockMemory
 */

export class LiveEdge {
  #arrivals = new EnvelopeLine(STREAM_RATE_HZ / 1000, false);
  #blocks;
  #contextFrame = 0;
  #blocksSeen = 0;
  #isSure = false;
  /** What was known of the blocks' least lateness when sound was placed, ms. @type {number | null} */
  #placedLearnedMs = null;

  /**
   * @param {number} contextRateHz
   * @param {ClockMemory | null} remembered of an earlier session on this device
   */
  constructor(contextRateHz, remembered) {
    this.#blocks = new EnvelopeLine(contextRateHz / 1000, true);
    if (!remembered) return;
    this.#arrivals.remember(remembered.stream_ppm);
    this.#blocks.remember(remembered.context_ppm);
  }

  /** Another timeline, or another way to it. */
  restartStream() {
    this.#arrivals.restart();
  }

  /** @param {number} endFrame index of the frame after the record's last @param {number} nowMs page time */
  arrived(endFrame, nowMs) {
    this.#arrivals.observe(endFrame, nowMs);
  }

  /** @param {number} contextFrame first frame of the newest block, low 32 bits @param {number} nowMs page time at which it had been asked for */
  rendered(contextFrame, nowMs) {
    const ahead = (contextFrame - this.#contextFrame) | 0;
    if (this.#blocksSeen === 0) this.#contextFrame = contextFrame;
    else if (ahead < 0) return this.#restartContext(contextFrame);
    else this.#contextFrame += ahead;
    if (ahead !== 0 || this.#blocksSeen === 0) this.#blocksSeen += 1;
    this.#blocks.observe(this.#contextFrame, nowMs);
  }

  /** The context's frames run backwards: it is another one. @param {number} contextFrame */
  #restartContext(contextFrame) {
    this.#blocks.restart();
    this.#placedLearnedMs = null;
    this.#contextFrame = contextFrame;
    this.#blocksSeen = 0;
  }

  /** @returns {Line | null} null while sound cannot be placed yet */
  get line() {
    if (this.#arrivals.watchedMs < ACQUISITION_MS || this.#blocksSeen < BLOCKS_MIN) return null;
    // How late blocks are seen at least is learned for a second, up to a callback's length. Once sound is placed this error stays as
    // it is: it cancels out, while a line that moved would take the sound along.
    this.#placedLearnedMs ??= this.#blocks.learnedMs;
    const renderedMs = this.#blocks.msOf(this.#contextFrame) - (this.#blocks.learnedMs - this.#placedLearnedMs);
    return {
      context_frame: this.#contextFrame,
      position: this.#arrivals.unitAt(renderedMs),
      drift_ppm: this.#sureDriftPpm(),
      stepped_frames: (-this.#arrivals.steppedMs * STREAM_RATE_HZ) / 1000,
    };
  }

  /** Stream against context: positive where the listener's device plays slower than the synth. @returns {number} */
  get driftPpm() {
    return this.#arrivals.ratePpm - this.#blocks.ratePpm;
  }

  /** @returns {number} one sigma */
  get driftSigmaPpm() {
    return Math.hypot(this.#arrivals.sigmaPpm, this.#blocks.sigmaPpm);
  }

  /** @returns {ClockMemory} worth remembering where driftSigmaPpm is small */
  get memory() {
    return { stream_ppm: this.#arrivals.ratePpm, context_ppm: this.#blocks.ratePpm };
  }

  /** @returns {number} with hysteresis, so that the exact copy does not flicker */
  #sureDriftPpm() {
    const drift = this.driftPpm;
    const sigmas = Math.abs(drift) / this.driftSigmaPpm;
    this.#isSure = this.#isSure ? sigmas > UNSURE_SIGMAS : sigmas > SURE_SIGMAS;
    return this.#isSure ? drift : 0;
  }
}
