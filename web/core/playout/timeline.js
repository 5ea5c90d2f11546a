/**
 * The timeline of a stream: where its live edge is, how far behind it a reader shall be, and how fast it goes there.
 *
 * In: the ring, the live edge, the blocks, the reader's place. Out: the lead and its error, the speed, what each block required, and by how
 * much everything has moved. There is one for a stream, however many pairs of it are heard (voice.js). What belongs elsewhere: when sound
 * begins, breaks off and returns (playout.js). No method makes an object: what has a fraction lives in arrays.
 */

import { CALM_MS, FRAMES_BEYOND, STANDSTILL_MS, STEP_MS } from './constants.js';
import { LineReader } from './line_reader.js';
import { Outrun } from './outrun.js';
import { Pace, TIME } from './pace.js';
import { Reference } from './reference.js';
import { LeadTarget } from './target.js';
import { framesOf } from '../units.js';
import { WhatIf } from './what_if.js';

/** No lead is as short. */
const LEAST = -FRAMES_BEYOND;

/** Of Timeline.now: the reader's lead at the block's begin, and by how much it is too long; frames. */
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
  #standstillFramesMin;
  #calmFrames;
  #lookAheadFrames;
  #epoch = 0;
  /** Where what had arrived ended, a block ago. */
  #lastWrite = 0;
  /**
   * By how much the live edge is later than the line says: above 0 because the audio thread stood still, below 0 because the stream has
   * fallen behind. The line does not know of it yet.
   */
  #slipFrames = 0;
  /** How much later a new line is than the last because of a standstill not handled yet: the reader is behind by that much. */
  #standstillFrames = 0;
  /** The worst lead required in this second. */
  #secondMost = LEAST;
  #secondFrames = 0;

  /**
   * @param {import('./ring.js').RingReader} ring
   * @param {Int32Array} words the control words
   * @param {import('../sound/resampler.js').Resampler} resampler whose reach all voices' have
   * @param {number} contextRateHz
   * @param {number} streamRateHz
   */
  constructor(ring, words, resampler, contextRateHz, streamRateHz) {
    const newPace = () => new Pace(this.#line, resampler, contextRateHz, streamRateHz);
    this.#ring = ring;
    this.#line = new LineReader(words, streamRateHz / contextRateHz);
    this.#outrun = new Outrun(streamRateHz);
    this.#streamRateHz = streamRateHz;
    this.#standstillFramesMin = framesOf(STANDSTILL_MS, streamRateHz);
    this.#calmFrames = framesOf(CALM_MS, streamRateHz);
    this.#lookAheadFrames = resampler.lookAheadFrames;
    this.stepFrames = framesOf(STEP_MS, streamRateHz);
    this.pace = newPace();
    this.reference = new Reference(this.#line, newPace(), streamRateHz);
    this.target = new LeadTarget(streamRateHz);
    this.whatIf = new WhatIf(streamRateHz);
  }

  /** @returns {boolean} the live edge is known */
  get isKnown() {
    return this.#line.isValid;
  }

  /** @returns {boolean} the line has just moved, and the reader not yet: errors mean nothing */
  get isMoving() {
    return this.#standstillFrames > 0;
  }

  /** Another one has begun. @param {number} epoch */
  begin(epoch) {
    this.#epoch = epoch;
    this.#slipFrames = 0;
    this.#outrun.restart();
    this.#lastWrite = this.#ring.write;
    this.reference.stop();
    this.whatIf.begin();
  }

  /**
   * Takes in the newest line and the listener's wish.
   *
   * @param {number} contextFrame @param {number} mode of MODE @param {number} fixedUs the lead of MODE.FIXED, whole: a fraction may be made anew each time
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
      this.#standstillFrames = 0;
      return;
    }
    // What was met before the line knew of it is no news.
    const known = Math.round(risen);
    const slip = this.#slipFrames;
    const met = (known > 0 ? Math.max(0, Math.min(slip, known)) : Math.min(0, Math.max(slip, known))) | 0;
    this.#slipFrames -= met;
    const standstill = Math.round(risen - line.steppedFrames) - met;
    this.#standstillFrames = standstill > this.#standstillFramesMin ? standstill | 0 : 0;
    const { steppedFrames } = line;
    const moved = steppedFrames > 0 ? Math.max(0, steppedFrames - Math.max(0, met)) : Math.min(0, steppedFrames - Math.min(0, met));
    if (moved !== 0) this.target.shift(moved);
  }

  /** Leaves the lead in now[LEAD]. @param {number} contextFrame @param {number} position of the frame pulled next @param {number} end frames in the buffer */
  measureLead(contextFrame, position, end) {
    const buffered = end - /** @type {number} */ (this.pace.times[TIME]);
    this.#line.measure(contextFrame, position);
    this.now[LEAD] = /** @type {number} */ (this.#line.ahead[0]) + buffered + this.#slipFrames;
  }

  /** Leaves in now[ERROR] by how much the lead is longer than wished. */
  measureError() {
    this.now[ERROR] = /** @type {number} */ (this.now[LEAD]) - this.target.frames - this.pace.slackFrames;
  }

  /** The reference goes on by a block. @param {number} frames @param {number} contextFrame */
  move(frames, contextFrame) {
    if (this.reference.isRunning) this.reference.move(frames, contextFrame, this.#slipFrames, !this.isMoving);
  }

  /** @param {number} frames of the block @param {boolean} isPlaced the reader has a place @param {boolean} isInterrupted and no sound */
  chooseSpeed(frames, isPlaced, isInterrupted) {
    const { pace, reference } = this;
    if (!isPlaced) {
      if (reference.isRunning) pace.follow(reference.pace);
      else pace.hold();
      return;
    }
    this.measureError();
    const error = /** @type {number} */ (this.now[ERROR]);
    // Where the lead is too short when sound returns, it will be put right then: till then only what the reference works off matters.
    pace.error[0] = isInterrupted ? Math.max(error, /** @type {number} */ (reference.pace.error[0])) : error;
    pace.steer(frames);
  }

  /**
   * How long a lead this block asks for, whatever the reader's is.
   *
   * @param {number} needed @param {number} end frames in the buffer @param {number} contextFrame
   * @returns {number} frames that the audio thread stood still for, which nobody has met yet; 0 as a rule
   */
  measureRequired(needed, end, contextFrame) {
    const ring = this.#ring;
    const buffered = end - /** @type {number} */ (this.pace.times[TIME]);
    this.#line.measure(contextFrame, ring.write);
    const required = /** @type {number} */ (this.#line.ahead[0]) + this.#slipFrames + buffered + needed;
    const lag = needed - required;
    if (this.reference.isRunning && (lag > this.#standstillFramesMin || this.isMoving)) return this.#stoodStill(lag);
    if (ring.silenceExpected) return 0;
    const whole = Math.ceil(required) | 0;
    // While blocks and packets keep their phase, every block may find a packet that came just before it. Clocks that differ by next
    // to nothing turn the phase in minutes: what it will ask for then is known now. Where clocks differ by more it will in seconds
    // ask for all of it, which is the frames the filter looks ahead, and what the line is too late by, too.
    this.#noticeCalm(whole, needed);
    const excess = this.#line.excessFrames;
    const turned = ring.packetFrames + needed + (excess > 0 ? excess + this.#lookAheadFrames : 0);
    this.target.observe(Math.max(whole, turned), needed);
    return 0;
  }

  /** What is live is later, by more than the line knows. @param {number} lag frames @returns {number} frames that a reader is behind by */
  #stoodStill(lag) {
    const unknown = Math.max(0, Math.round(lag));
    this.#slipFrames += unknown;
    const slip = unknown + this.#standstillFrames;
    this.reference.jump(slip);
    return slip;
  }

  /**
   * For a second nothing came as late as a packet after its forerunner: the live edge is later than the line says, be it that the
   * audio thread stood still for a moment or that the network became faster. The reader follows; the line will.
   *
   * @param {number} required whole frames @param {number} needed
   */
  #noticeCalm(required, needed) {
    this.#secondMost = Math.max(this.#secondMost, required);
    this.#secondFrames += needed;
    if (this.#secondFrames < this.#calmFrames) return;
    const early = this.#ring.packetFrames + needed - this.#secondMost;
    if (this.reference.isRunning && early > this.stepFrames) this.#slipFrames += early;
    this.#secondFrames = 0;
    this.#secondMost = LEAST;
  }

  /** The first place behind the live edge is chosen. @param {number} end frames in the buffer @param {number} needed @param {number} contextFrame @returns {number} position */
  place(end, needed, contextFrame) {
    if (!this.reference.isRunning) this.reference.begin(this.pace, end, needed, contextFrame);
    this.target.begin();
    return (this.reference.position - this.target.frames) | 0;
  }

  /**
   * A stream that has fallen behind the line for good is live where it is. What came since the sound broke off is played, so that nothing
   * of a source that loses frames is lost on top.
   *
   * @param {number} needed @param {boolean} isSounding @param {number} unheard frames that came since the sound broke off
   */
  followStream(needed, isSounding, unheard) {
    const { reference, target } = this;
    if (!reference.isRunning) return;
    if (isSounding) return this.#outrun.inTime(needed);
    const ring = this.#ring;
    const late = needed - ring.level(reference.position);
    if (!this.#outrun.observe((ring.write - this.#lastWrite) | 0, ring.packetFrames, late)) return;
    // Frames that lie ready by more than this would be taken for a standstill.
    const most = target.frames + this.#standstillFramesMin / 2;
    const held = Math.max(needed, Math.min(most, unheard));
    const behind = Math.min(0, target.frames + needed - late - held) | 0;
    this.#slipFrames += behind;
    reference.jump(behind);
  }

  /** Counts what this block would have meant to other leads. */
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

  /** The block was put out. @param {number} frames */
  advance(frames) {
    if (this.reference.isRunning) this.reference.advance(frames);
  }
}
