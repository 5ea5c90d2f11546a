/**
 * The timeline of a stream: the position of its live edge, the reader's target distance behind it, and the reader's speed.
 *
 * In: the ring, the live edge, the blocks, the reader's place. Out: the lead and its error, the speed, the lead that each block
 * required, and every shift of the live edge. A stream has one timeline for all of its pairs (voice.js). Elsewhere: when sound
 * begins, breaks off and returns (playout.js). No method makes an object: fractions are in arrays.
 */

import { EARLY_MS, FRAMES_BEYOND, FREEZE_MS, STEP_MS } from './constants.js';
import { LineReader } from './line_reader.js';
import { Outrun } from './outrun.js';
import { Pace, TIME } from './pace.js';
import { Reference } from './reference.js';
import { LeadTarget } from './target.js';
import { framesOf } from '../units.js';
import { WhatIf } from './what_if.js';

/** Shorter than any lead. */
const LEAST = -FRAMES_BEYOND;

/** Indices of Timeline.now: the reader's lead at the start of the block, and how much too long it is; frames. */
export const LEAD = 0;
export const ERROR = 1;

export class Timeline {
  now = new Float64Array(2);
  pace;
  reference;
  target;
  whatIf;
  /** An error beyond this is corrected by one step, not by the speed. */
  stepFrames;

  #ring;
  #line;
  #outrun;
  #streamRateHz;
  #freezeFramesMin;
  #earlyFrames;
  #lookAheadFrames;
  #epoch = 0;
  /** The end of the arrived frames, one block ago. */
  #lastWrite = 0;
  /**
   * Lateness of the live edge behind the line that the line does not know yet: above 0 because the audio thread was
   * frozen, below 0 because the stream has fallen behind.
   */
  #pendingShiftFrames = 0;
  /** Frames by which a freeze of the audio thread, seen in the newest line, has left the reader behind. 0 once it has jumped. */
  #freezeFrames = 0;
  /** The longest lead required in this second. */
  #secondMost = LEAST;
  #secondFrames = 0;

  /**
   * @param {import('./ring.js').RingReader} ring
   * @param {Int32Array} words the control words
   * @param {import('../sound/resampler.js').Resampler} resampler all voices' resamplers look as far ahead as this one
   * @param {number} contextRateHz
   * @param {number} streamRateHz
   */
  constructor(ring, words, resampler, contextRateHz, streamRateHz) {
    const newPace = () => new Pace(this.#line, resampler, contextRateHz, streamRateHz);
    this.#ring = ring;
    this.#line = new LineReader(words, streamRateHz / contextRateHz);
    this.#outrun = new Outrun(streamRateHz);
    this.#streamRateHz = streamRateHz;
    this.#freezeFramesMin = framesOf(FREEZE_MS, streamRateHz);
    this.#earlyFrames = framesOf(EARLY_MS, streamRateHz);
    this.#lookAheadFrames = resampler.lookAheadFrames;
    this.stepFrames = framesOf(STEP_MS, streamRateHz);
    this.pace = newPace();
    this.reference = new Reference(this.#line, newPace(), streamRateHz);
    this.target = new LeadTarget(streamRateHz);
    this.whatIf = new WhatIf(streamRateHz);
  }

  /** @returns {boolean} whether the live edge is known */
  get isKnown() {
    return this.#line.isValid;
  }

  /** @returns {boolean} whether the line has just moved but the reader has not, so that errors have no meaning now */
  get isMoving() {
    return this.#freezeFrames > 0;
  }

  /** Call this when another timeline has begun. @param {number} epoch */
  begin(epoch) {
    this.#epoch = epoch;
    this.#pendingShiftFrames = 0;
    this.#outrun.restart();
    this.#lastWrite = this.#ring.write;
    this.reference.stop();
    this.whatIf.begin();
  }

  /**
   * Reads the newest line and the listener's choice.
   *
   * @param {number} contextFrame @param {number} mode of MODE @param {number} fixedUs the lead of MODE.FIXED, whole: a fraction would be a new object each time
   */
  follow(contextFrame, mode, fixedUs) {
    this.#followLine(contextFrame);
    this.target.choose(mode, framesOf(fixedUs / 1000, this.#streamRateHz));
  }

  /** @param {number} contextFrame */
  #followLine(contextFrame) {
    const line = this.#line;
    const wasValid = line.isValid;
    line.measure(contextFrame, this.#ring.write);
    const before = /** @type {number} */ (line.ahead[0]);
    line.look(this.#epoch);
    line.measure(contextFrame, this.#ring.write);
    const risen = wasValid && line.isValid ? /** @type {number} */ (line.ahead[0]) - before : 0;
    if (risen === 0) {
      this.#freezeFrames = 0;
      return;
    }
    // A shift that was handled before the line knew of it must not be handled again.
    const known = Math.round(risen);
    const pending = this.#pendingShiftFrames;
    const met = (known > 0 ? Math.max(0, Math.min(pending, known)) : Math.min(0, Math.max(pending, known))) | 0;
    this.#pendingShiftFrames -= met;
    const frozen = Math.round(risen - line.shiftFrames) - met;
    this.#freezeFrames = frozen > this.#freezeFramesMin ? frozen | 0 : 0;
    const { shiftFrames } = line;
    const moved = shiftFrames > 0 ? Math.max(0, shiftFrames - Math.max(0, met)) : Math.min(0, shiftFrames - Math.min(0, met));
    if (moved !== 0) this.target.shift(moved);
  }

  /**
   * Writes the lead into now[LEAD].
   *
   * @param {number} contextFrame @param {number} position of the frame pulled next @param {number} end frames in the buffer
   */
  measureLead(contextFrame, position, end) {
    const buffered = end - /** @type {number} */ (this.pace.times[TIME]);
    this.#line.measure(contextFrame, position);
    this.now[LEAD] = /** @type {number} */ (this.#line.ahead[0]) + buffered + this.#pendingShiftFrames;
  }

  /** Writes into now[ERROR] how much longer the lead is than its target. */
  measureError() {
    this.now[ERROR] = /** @type {number} */ (this.now[LEAD]) - this.target.frames - this.pace.startMarginFrames;
  }

  /** Advances the reference by a block. @param {number} frames @param {number} contextFrame */
  move(frames, contextFrame) {
    if (this.reference.isRunning) this.reference.move(frames, contextFrame, this.#pendingShiftFrames, !this.isMoving);
  }

  /**
   * @param {number} frames of the block
   * @param {boolean} isPlaced the reader has a place
   * @param {boolean} isInterrupted it has a place but no sound
   */
  chooseSpeed(frames, isPlaced, isInterrupted) {
    const { pace, reference } = this;
    if (!isPlaced) {
      if (reference.isRunning) pace.follow(reference.pace);
      else pace.hold();
      return;
    }
    this.measureError();
    const error = /** @type {number} */ (this.now[ERROR]);
    // If the lead is too short when sound returns, it is corrected then. Until then only the reference's own error counts.
    pace.error[0] = isInterrupted ? Math.max(error, /** @type {number} */ (reference.pace.error[0])) : error;
    pace.steer(frames);
  }

  /**
   * The lead that this block requires, independent of the reader's own lead.
   *
   * @param {number} needed @param {number} end frames in the buffer @param {number} contextFrame
   * @param {number} wrongShare Hearing.usualShare
   * @returns {number} how many frames a freeze of the audio thread has left the reader behind; usually 0
   */
  measureRequired(needed, end, contextFrame, wrongShare) {
    const ring = this.#ring;
    const buffered = end - /** @type {number} */ (this.pace.times[TIME]);
    this.#line.measure(contextFrame, ring.write);
    const required = /** @type {number} */ (this.#line.ahead[0]) + this.#pendingShiftFrames + buffered + needed;
    const lag = needed - required;
    if (this.reference.isRunning && (lag > this.#freezeFramesMin || this.isMoving)) return this.#thaw(lag);
    if (ring.silenceExpected) return 0;
    const whole = Math.ceil(required) | 0;
    // If blocks and packets keep their phase, every block may find a packet that arrived just before it. Clocks that hardly
    // differ turn the phase within minutes, so count now the lead that the worst phase will require. Clocks that differ more turn
    // it within seconds; then the frames that the filter looks ahead and the line's bias are required, too.
    this.#noticeEarly(whole, needed);
    const bias = this.#line.biasFrames;
    const turned = ring.packetFrames + needed + (bias > 0 ? bias + this.#lookAheadFrames : 0);
    this.target.observe(Math.max(whole, turned), needed, wrongShare);
    return 0;
  }

  /** The audio thread runs again: the live edge is later than the line. @param {number} lag frames @returns {number} frames the reader is behind */
  #thaw(lag) {
    const unknown = Math.max(0, Math.round(lag));
    this.#pendingShiftFrames += unknown;
    const behind = unknown + this.#freezeFrames;
    this.reference.jump(behind);
    return behind;
  }

  /**
   * For a second every block required less lead than one packet and one block. So the live edge is later than the line says: the audio thread was
   * frozen for a moment, or the network became faster. The reader follows at once, the line later.
   *
   * @param {number} required whole frames @param {number} needed
   */
  #noticeEarly(required, needed) {
    this.#secondMost = Math.max(this.#secondMost, required);
    this.#secondFrames += needed;
    if (this.#secondFrames < this.#earlyFrames) return;
    const early = this.#ring.packetFrames + needed - this.#secondMost;
    if (this.reference.isRunning && early > this.stepFrames) this.#pendingShiftFrames += early;
    this.#secondFrames = 0;
    this.#secondMost = LEAST;
  }

  /** Chooses the first place behind the live edge. @param {number} end frames in the buffer @param {number} needed @param {number} contextFrame @returns {number} position */
  place(end, needed, contextFrame) {
    if (!this.reference.isRunning) this.reference.begin(this.pace, end, needed, contextFrame);
    this.target.begin();
    return (this.reference.position - this.target.frames) | 0;
  }

  /**
   * A stream that has permanently fallen behind the line is live where it is now. Frames that arrived since the sound broke off
   * are played, so that a source that loses frames loses nothing more.
   *
   * @param {number} needed @param {boolean} isSounding @param {number} unheard frames that arrived since the sound broke off
   */
  followStream(needed, isSounding, unheard) {
    const { reference, target } = this;
    if (!reference.isRunning) return;
    if (isSounding) return this.#outrun.inTime(needed);
    const ring = this.#ring;
    const late = needed - ring.level(reference.position);
    if (!this.#outrun.observe((ring.write - this.#lastWrite) | 0, ring.packetFrames, late)) return;
    // If more frames were buffered, the excess would look like a freeze.
    const most = target.frames + this.#freezeFramesMin / 2;
    const held = Math.max(needed, Math.min(most, unheard));
    const behind = Math.min(0, target.frames + needed - late - held) | 0;
    this.#pendingShiftFrames += behind;
    reference.jump(behind);
  }

  /** Counts the cost of this block for other leads. */
  watch() {
    const { reference, whatIf } = this;
    if (!reference.isRunning) return;
    const ring = this.#ring;
    const { position, neededFrames } = reference;
    if (ring.write !== this.#lastWrite) {
      ring.seekGap(this.#lastWrite);
      if (ring.inGap(this.#lastWrite)) whatIf.explain(this.#lastWrite);
      this.#lastWrite = ring.write;
    }
    whatIf.observe(neededFrames - ring.level(position), neededFrames, ring.write, ring.silenceExpected);
  }

  /** Call this when the block was put out. @param {number} frames */
  advance(frames) {
    if (this.reference.isRunning) this.reference.advance(frames);
  }
}
