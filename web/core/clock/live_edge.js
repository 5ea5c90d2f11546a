/**
 * The live edge: the frame that would be the newest in the ring when a block is rendered, if the network had only its minimum
 * delay.
 *
 * In: when records arrived, and when each block had been rendered, both in Worker time. Out: a straight line from context frames
 * to positions of the stream, and the drift between the two clocks. Two lower envelopes are combined: from block to Worker time,
 * and from Worker time to frame. This runs in the Worker; the audio thread follows the line (playout.js). A constant error of
 * either envelope cancels out, because the lead that a block required is measured against the same line.
 */

import { STREAM_RATE_HZ } from '../constants.js';
import {
  ACQUISITION_MS, BLOCKS_MIN, LINE_SHIFT_SIGMAS, LOOK_MS_LEAST, LOOK_MS_MOST, SMALL_PPM, SURE_FOR_MS, SURE_SIGMAS, SURE_SIGMAS_SMALL, UNSURE_SIGMAS,
  UNSURE_SIGMAS_SMALL,
} from './constants.js';
import { driftOfCommonSeconds } from './common_seconds.js';
import { EnvelopeLine } from './envelope_line.js';

/** @param {number} chance 0 to 1 @returns {number} ms until the next look at the audio thread's block */
export function nextLookMs(chance) {
  return LOOK_MS_LEAST + chance * (LOOK_MS_MOST - LOOK_MS_LEAST);
}

/**
 * @typedef {object} Line
 * @property {number} context_frame a frame of the context, unwrapped
 * @property {number} position the live edge at that frame, unwrapped, with its fraction
 * @property {number} drift_ppm how much faster than nominal it moves; exactly 0 while no drift is certain
 * @property {number} shift_frames how far changes of the network's minimum delay have shifted the line so far
 * @property {number} bias_frames how much later than the live edge the line permanently is, because sound was placed before the
 *   blocks' line was known well; 0 while the clocks may be one
 */

/**
 * Knowledge of a device's clocks from an earlier session: how much faster than Worker time the stream and the context run, and
 * the rate of the stream (the instrument's rate if it is not given).
 *
 * @typedef {{stream_ppm: number, context_ppm: number, stream_rate_hz?: number}} ClockMemory
 */

export class LiveEdge {
  #arrivals;
  #streamRateHz;
  #blocks;
  #contextFrame = 0;
  #blocksSeen = 0;
  #isSure = false;
  /** Time at which a small drift became certain. */
  #sureSinceMs = NaN;
  #nowMs = 0;
  /** The drift of both lines together, and how much data it is based on. @type {{ppm: number, sigma_ppm: number} | null} */
  #common = null;
  #commonSlot = NaN;
  /** How far the blocks' line had been lowered when sound was placed, ms. @type {number | null} */
  #placedLoweredMs = null;

  /**
   * @param {number} contextRateHz
   * @param {ClockMemory | null} remembered from an earlier session on this device
   * @param {number} [streamRateHz]
   */
  constructor(contextRateHz, remembered, streamRateHz = STREAM_RATE_HZ) {
    this.#streamRateHz = streamRateHz;
    this.#arrivals = new EnvelopeLine(streamRateHz / 1000, false);
    this.#blocks = new EnvelopeLine(contextRateHz / 1000, true);
    if (!remembered) return;
    // A stream of another rate has another clock.
    if ((remembered.stream_rate_hz ?? STREAM_RATE_HZ) === streamRateHz) this.#arrivals.remember(remembered.stream_ppm);
    this.#blocks.remember(remembered.context_ppm);
  }

  /** Starts over for a new timeline, or a new connection to it. */
  restartStream() {
    this.#arrivals.restart();
  }

  /** @param {number} endFrame index of the frame after the record's last @param {number} nowMs Worker time */
  arrived(endFrame, nowMs) {
    this.#nowMs = nowMs;
    this.#arrivals.observe(endFrame, nowMs);
  }

  /** @param {number} contextFrame first frame of the newest block, low 32 bits @param {number} nowMs Worker time by which it had been requested */
  rendered(contextFrame, nowMs) {
    const ahead = (contextFrame - this.#contextFrame) | 0;
    if (this.#blocksSeen === 0) this.#contextFrame = contextFrame;
    else if (ahead < 0) return this.#restartContext(contextFrame);
    else this.#contextFrame += ahead;
    if (ahead !== 0 || this.#blocksSeen === 0) this.#blocksSeen += 1;
    this.#blocks.observe(this.#contextFrame, nowMs);
  }

  /** The context's frame count runs backwards, so it is another context. @param {number} contextFrame */
  #restartContext(contextFrame) {
    this.#blocks.restart();
    this.#placedLoweredMs = null;
    this.#contextFrame = contextFrame;
    this.#blocksSeen = 0;
  }

  /** @returns {Line | null} null while sound cannot be placed yet */
  get line() {
    if (this.#arrivals.watchedMs < ACQUISITION_MS || this.#blocksSeen < BLOCKS_MIN) return null;
    // The blocks' minimum lateness becomes known within a second, to within the length of a callback. Once sound is placed this
    // error stays: it cancels out, while a moving line would move the sound.
    this.#placedLoweredMs ??= this.#blocks.loweredMs;
    const biasMs = this.#placedLoweredMs - this.#blocks.loweredMs;
    const renderedMs = this.#blocks.msOf(this.#contextFrame) + biasMs;
    return {
      context_frame: this.#contextFrame,
      position: this.#arrivals.unitAt(renderedMs),
      drift_ppm: this.#sureDriftPpm(),
      shift_frames: (-this.#arrivals.shiftMs * this.#streamRateHz) / 1000,
      bias_frames: this.#maybeOne ? 0 : (biasMs * this.#streamRateHz) / 1000,
    };
  }

  /**
   * The drift of the stream against the context: positive if the listener's device plays slower than the synth.
   *
   * @returns {{ppm: number, sigma_ppm: number}}
   */
  get drift() {
    this.#compare();
    const sigma = Math.hypot(this.#arrivals.sigmaPpm, this.#blocks.sigmaPpm);
    return this.#common ?? { ppm: this.#arrivals.driftPpm - this.#blocks.driftPpm, sigma_ppm: sigma };
  }

  /** Called once a second: compares the seconds that both lines have observed. */
  #compare() {
    const slot = this.#arrivals.buckets.at(-1)?.slot ?? NaN;
    if (slot === this.#commonSlot) return;
    this.#commonSlot = slot;
    const seen = driftOfCommonSeconds(this.#arrivals.buckets, this.#blocks.buckets);
    this.#common = seen && combined(seen, {
      ppm: this.#arrivals.prior.ppm - this.#blocks.prior.ppm,
      sigma_ppm: Math.hypot(this.#arrivals.prior.sigma_ppm, this.#blocks.prior.sigma_ppm),
    });
  }

  /** @returns {ClockMemory} worth storing if the drift's standard deviation is small */
  get memory() {
    const stream = this.#arrivals.driftPpm;
    return { stream_ppm: stream, context_ppm: stream - this.drift.ppm, stream_rate_hz: this.#streamRateHz };
  }

  /** @returns {boolean} whether one clock for both ends is still possible */
  get #maybeOne() {
    const { ppm, sigma_ppm: sigma } = this.drift;
    return Math.abs(ppm) < Math.max(SMALL_PPM, UNSURE_SIGMAS * sigma);
  }

  /** @returns {number} with hysteresis, so that the exact copy does not flicker */
  #sureDriftPpm() {
    const { ppm, sigma_ppm: sigma } = this.drift;
    const size = Math.abs(ppm);
    const isSmall = size < SMALL_PPM;
    if (this.#isSure) this.#isSure = size > sigma * (isSmall ? UNSURE_SIGMAS_SMALL : UNSURE_SIGMAS);
    else this.#isSure = isSmall ? this.#isProven(size > sigma * SURE_SIGMAS_SMALL) : size > sigma * SURE_SIGMAS;
    return this.#isSure ? ppm : 0;
  }

  /** @param {boolean} isCertain now @returns {boolean} whether it has been certain for some time */
  #isProven(isCertain) {
    if (!isCertain) this.#sureSinceMs = NaN;
    else if (!(this.#sureSinceMs <= this.#nowMs)) this.#sureSinceMs = this.#nowMs;
    return this.#nowMs - this.#sureSinceMs >= SURE_FOR_MS;
  }
}

/**
 * @param {{ppm: number, sigma_ppm: number}} seen
 * @param {{ppm: number, sigma_ppm: number}} expected is ignored if the two contradict each other
 * @returns {{ppm: number, sigma_ppm: number}}
 */
function combined(seen, expected) {
  if (Math.abs(seen.ppm - expected.ppm) > LINE_SHIFT_SIGMAS * Math.hypot(seen.sigma_ppm, expected.sigma_ppm)) return seen;
  const [own, other] = [seen.sigma_ppm ** -2, expected.sigma_ppm ** -2];
  return { ppm: (seen.ppm * own + expected.ppm * other) / (own + other), sigma_ppm: (own + other) ** -0.5 };
}
