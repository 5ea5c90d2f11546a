/**
 * The playout: what the audio thread does with every block.
 *
 * In: the ring, the live edge, the context's frame count. Out: two channels of samples, and numbers in the control words.
 * What belongs elsewhere: how far behind the live edge (target.js), how fast (steering.js), which frames (feed.js), between
 * frames (resampler.js). render() makes no object: what has a fraction lives in arrays.
 *
 * The timeline never stops: while sound is missing, the reader goes on, so sound that returns is played where it belongs and
 * the delay is what it was. With one clock at both ends, and at the stream's rate, samples come out exactly as they were sent.
 */

import { PLAYOUT, WORD } from './controls.js';
import { Feed } from './feed.js';
import { GAUGE, Gauges } from './gauges.js';
import { LineReader } from './line_reader.js';
import { Resampler } from './resampler.js';
import { controlWords, RingReader } from './ring.js';
import { Steering } from './steering.js';
import { LeadTarget } from './target.js';
import { framesOf, STREAM_RATE_HZ } from './units.js';
import { SAME_EVENT_FRAMES, WhatIf } from './what_if.js';

/** Required leads are watched for so long before sound is placed. */
const WATCH_FRAMES = framesOf(70);
/** A larger error is no matter for the speed: one step. */
const STEP_FRAMES = framesOf(5);
/** The rate of the block is not chosen yet when it is looked whether there is room for a step. */
const STEP_MARGIN_FRAMES = 4;
/** More than the estimates' own noise is a way to a new target. */
const DEVIATION_FRAMES = framesOf(0.5);
/** Frames lie ready so much earlier than any network could bring them: the audio thread itself stood still. */
const STANDSTILL_FRAMES = framesOf(100);
const SLEEP_FRAMES = framesOf(1000);
/** So long nothing may be late before the line is doubted. */
const CALM_FRAMES = framesOf(1000);
/** No lead is as short. */
const LEAST = -0x3fff_ffff;

/** Of #now: index into the feed of the next output frame; its step; the step's change per output frame. */
const TIME = 0;
const STEP = 1;
const CHANGE = 2;
/** Of #now: the lead at the block's begin, and what the methods found that say so. */
const LEAD = 3;
const FOUND = 4;
const ERROR = 5;
const DEVIATION = 6;

export class Playout {
  #ring;
  #gauges;
  #line;
  #feed;
  #resampler;
  #target = new LeadTarget();
  #steering = new Steering();
  #whatIf = new WhatIf();
  /** Stream frames per context frame, were there no drift; seconds per context frame. */
  #nominal;
  #secondsPerFrame;
  #now = new Float64Array(7);
  #times;

  #epoch = 0;
  /** One of PLAYOUT. @type {number} */
  #state = PLAYOUT.EMPTY;
  #watchedFrames = 0;
  /** Sound broke off; nothing real is pulled before a whole block of it is there. */
  #isInterrupted = false;
  /** Missing frames explain themselves by a mark, a new timeline, or an instrument known to be silent. */
  #isExplained = true;
  #interruptedFrames = 0;
  #soundSinceFrames = SAME_EVENT_FRAMES;
  /** By how much the live edge is later than the line says, because the audio thread stood still and the line does not know yet. */
  #slipFrames = 0;
  /** By how much a new line is later than the one before for such a standstill that was not met yet: by so much the reader is behind. */
  #standstillFrames = 0;
  /** The worst lead required in this second. */
  #secondMost = LEAST;
  #secondFrames = 0;

  #contextFrame = 0;
  #isRunning = false;

  /** @param {ArrayBufferLike} memory the ring's @param {number} contextRateHz */
  constructor(memory, contextRateHz) {
    const words = controlWords(memory);
    this.#nominal = STREAM_RATE_HZ / contextRateHz;
    this.#secondsPerFrame = 1 / contextRateHz;
    this.#ring = new RingReader(memory);
    this.#gauges = new Gauges(words);
    this.#line = new LineReader(words, this.#nominal);
    this.#feed = new Feed(this.#ring);
    this.#resampler = new Resampler(Math.min(1, contextRateHz / STREAM_RATE_HZ));
    this.#times = this.#now.subarray(0, 3);
    this.#feed.end = this.#resampler.lookBackFrames;
    this.#now[TIME] = this.#feed.end;
  }

  /**
   * One block.
   *
   * @param {Float32Array} left @param {Float32Array} right as long as left, whatever that is
   * @param {number} contextFrame the context's count at the block's first frame
   */
  render(left, right, contextFrame) {
    const frames = left.length;
    this.#noticeSkip(contextFrame, frames);
    this.#ring.look();
    if (this.#ring.epoch !== this.#epoch) this.#beginTimeline();
    this.#followLine(contextFrame);
    this.#target.choose(this.#gauges.mode, this.#gauges.fixedFrames);
    this.#measureLead(contextFrame);
    if (this.#state === PLAYOUT.SOUNDING && !this.#isInterrupted) this.#step(contextFrame, frames);
    this.#chooseRate(frames);
    const needed = this.#neededFrames(frames);
    if (this.#line.isValid) this.#measureRequired(needed, contextFrame);
    if (this.#state === PLAYOUT.SEEKING) this.#seek(needed, contextFrame);
    else if (this.#isInterrupted) this.#resume(needed);
    this.#publish(contextFrame, frames);
    this.#pull(needed);
    this.#resampler.run(this.#feed.left, this.#feed.right, this.#times, left, right);
    this.#gauges.peaks(left, right);
    if (this.#feed.isAudible) this.#gauges.sounds(contextFrame);
    this.#advance(frames);
  }

  /** @param {number} contextFrame @param {number} frames */
  #noticeSkip(contextFrame, frames) {
    const skipped = (contextFrame - this.#contextFrame) | 0;
    if (this.#isRunning && skipped > 0 && this.#state === PLAYOUT.SOUNDING) this.#gauges.add(WORD.SKIP_COUNT, 1);
    this.#isRunning = true;
    this.#contextFrame = (contextFrame + frames) | 0;
  }

  /** Nothing of the old timeline joins on: it fades, and the new one is watched before it sounds. */
  #beginTimeline() {
    this.#epoch = this.#ring.epoch;
    this.#state = PLAYOUT.SEEKING;
    this.#watchedFrames = 0;
    this.#isInterrupted = false;
    this.#slipFrames = 0;
    this.#feed.position = this.#ring.write;
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
    const met = Math.max(0, Math.min(this.#slipFrames, Math.round(risen))) | 0;
    this.#slipFrames -= met;
    const standstill = Math.round(risen - line.steppedFrames) - met;
    this.#standstillFrames = standstill > STANDSTILL_FRAMES ? standstill | 0 : 0;
    const moved = line.steppedFrames > 0 ? Math.max(0, line.steppedFrames - met) : line.steppedFrames;
    if (moved !== 0) this.#target.shift(moved);
  }

  /** @param {number} contextFrame */
  #measureLead(contextFrame) {
    const buffered = this.#feed.end - /** @type {number} */ (this.#now[TIME]);
    this.#line.measure(contextFrame, this.#feed.position);
    this.#now[LEAD] = /** @type {number} */ (this.#line.ahead[0]) + buffered + this.#slipFrames;
  }

  /** An error that no speed could work off: the reader steps, once. @param {number} contextFrame @param {number} frames of the block */
  #step(contextFrame, frames) {
    this.#measureError();
    const error = /** @type {number} */ (this.#now[ERROR]);
    if (Math.abs(error) <= STEP_FRAMES || !this.#feed.isSettled || this.#standstillFrames > 0) return;
    const skipped = this.#feed.splice(Math.round(error), this.#neededFrames(frames) + STEP_MARGIN_FRAMES);
    if (skipped > 0) {
      this.#gauges.add(WORD.TRIM_COUNT, 1);
      this.#gauges.add(WORD.TRIMMED_FRAMES, skipped);
    } else if (skipped < 0) {
      this.#gauges.add(WORD.INSERT_COUNT, 1);
      this.#gauges.add(WORD.INSERTED_FRAMES, -skipped);
    }
    this.#measureLead(contextFrame);
  }

  /** Leaves in #now[ERROR] by how much the lead is longer than wished. */
  #measureError() {
    this.#now[ERROR] = /** @type {number} */ (this.#now[LEAD]) - this.#target.frames - this.#steering.slackFrames;
  }

  /** @param {number} frames of the block */
  #chooseRate(frames) {
    const before = this.#steering.rate;
    let rate = before;
    if (this.#state === PLAYOUT.SOUNDING && !this.#isInterrupted) rate = this.#steer(frames * this.#secondsPerFrame);
    this.#now[STEP] = this.#nominal * (1 + before);
    this.#now[CHANGE] = (this.#nominal * (rate - before)) / frames;
  }

  /** @param {number} blockS @returns {number} */
  #steer(blockS) {
    this.#measureError();
    const errorS = /** @type {number} */ (this.#now[ERROR]) / STREAM_RATE_HZ;
    if (!this.#mayRest) return this.#steering.advance(errorS, this.#line.drift, blockS);
    const time = /** @type {number} */ (this.#now[TIME]);
    const off = Math.round(time) - time;
    if (this.#steering.hasLanded(errorS, off)) {
      this.#now[TIME] = Math.round(time);
      this.#steering.rest();
      return 0;
    }
    return this.#steering.advanceExactly(errorS, off, blockS);
  }

  /** @param {number} frames of the block @returns {number} stream frames to pull for it */
  #neededFrames(frames) {
    this.#findTime(frames - 1);
    const last = Math.floor(/** @type {number} */ (this.#now[FOUND]));
    return Math.max(0, last + this.#resampler.lookAheadFrames + 1 - this.#feed.end);
  }

  /** Leaves in #now[FOUND] the index in the feed of a frame of the output. @param {number} frame */
  #findTime(frame) {
    const now = this.#now;
    now[FOUND] = /** @type {number} */ (now[TIME]) + frame * /** @type {number} */ (now[STEP])
      + 0.5 * frame * (frame - 1) * /** @type {number} */ (now[CHANGE]);
  }

  /** How long a lead this block asks for, whatever the reader's is. @param {number} needed @param {number} contextFrame */
  #measureRequired(needed, contextFrame) {
    const buffered = this.#feed.end - /** @type {number} */ (this.#now[TIME]);
    this.#line.measure(contextFrame, this.#ring.write);
    const required = /** @type {number} */ (this.#line.ahead[0]) + this.#slipFrames + buffered + needed;
    const lag = needed - required;
    if (this.#isSounding && (lag > STANDSTILL_FRAMES || this.#standstillFrames > 0)) return this.#slip(lag);
    if (this.#ring.silenceExpected) return;
    const whole = Math.ceil(required) | 0;
    // While blocks and packets keep their phase, every block may find a packet that came just before it. Clocks that differ by next
    // to nothing turn the phase in minutes: what it will ask for then is known now. Where clocks differ by more it will in seconds
    // ask for all of it, which is the frames the filter looks ahead, and what the line is too late by, too.
    this.#noticeCalm(whole, needed);
    const excess = this.#line.excessFrames;
    const turned = this.#ring.packetFrames + needed + (excess > 0 ? excess + this.#resampler.lookAheadFrames : 0);
    this.#target.observe(Math.max(whole, turned), needed);
    if (this.#isSounding) this.#target.relax(this.#feed.isSilent, this.#mayRest, needed);
    if (this.#state !== PLAYOUT.SOUNDING) return;
    this.#measureDeviation();
    this.#whatIf.observe(Math.ceil(required - /** @type {number} */ (this.#now[DEVIATION])) | 0, needed);
  }

  /**
   * Leaves in #now[DEVIATION] how far the reader is off its target: another lead would be as far off, but for the way to a target that
   * has just moved.
   */
  #measureDeviation() {
    this.#measureError();
    const error = /** @type {number} */ (this.#now[ERROR]);
    this.#now[DEVIATION] = this.#steering.slackFrames + (Math.abs(error) < DEVIATION_FRAMES ? error : 0);
  }

  /** One clock at both ends and the stream's own rate: frames may pass as they were sent. */
  get #mayRest() {
    return this.#nominal === 1 && this.#line.drift === 0;
  }

  get #isSounding() {
    return this.#state === PLAYOUT.SOUNDING && !this.#isInterrupted;
  }

  /** The audio thread stood still while frames came on: what is live is later, by more than the line knows. @param {number} lag frames */
  #slip(lag) {
    const unknown = Math.max(0, Math.round(lag));
    const slip = unknown + this.#standstillFrames;
    this.#slipFrames += unknown;
    this.#gauges.add(WORD.JUMP_COUNT, 1);
    this.#gauges.add(WORD.TRIMMED_FRAMES, slip);
    if (slip > SLEEP_FRAMES) this.#gauges.add(WORD.SLEEP_COUNT, 1);
    this.#feed.jump(slip);
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
    if (this.#secondFrames < CALM_FRAMES) return;
    const early = this.#ring.packetFrames + needed - this.#secondMost;
    if (this.#isSounding && early > STEP_FRAMES) this.#slipFrames += early;
    this.#secondFrames = 0;
    this.#secondMost = LEAST;
  }

  /** Once it is known how late frames come, the reader is placed. @param {number} needed @param {number} contextFrame */
  #seek(needed, contextFrame) {
    if (!this.#line.isValid) return;
    this.#watchedFrames += needed;
    if (this.#watchedFrames < WATCH_FRAMES) return;
    this.#target.begin();
    const buffered = this.#feed.end - /** @type {number} */ (this.#now[TIME]);
    this.#line.measure(contextFrame, this.#feed.position);
    const ahead = Math.floor(/** @type {number} */ (this.#line.ahead[0]) + buffered - this.#target.frames - this.#steering.slackFrames);
    const place = (this.#feed.position + ahead) | 0;
    if (((place - this.#ring.epochStart) | 0) < 0 || this.#ring.level(place) < needed) return;
    this.#feed.position = place;
    this.#steering.begin(this.#line.drift);
    this.#state = PLAYOUT.SOUNDING;
    this.#measureLead(contextFrame);
  }

  /**
   * Sound that broke off goes on at its true place as soon as a whole block is there; before it, where the target has grown by what
   * happened: the interruption pays for the longer lead, too.
   *
   * @param {number} needed
   */
  #resume(needed) {
    const ring = this.#ring;
    const feed = this.#feed;
    ring.seekGap(feed.brokeOffAt);
    if (ring.silenceExpected || ring.inGap(feed.brokeOffAt)) this.#isExplained = true;
    this.#measureError();
    const back = Math.min(Math.round(Math.max(0, -(/** @type {number} */ (this.#now[ERROR])))), Math.max(0, (feed.position - ring.epochStart) | 0));
    // What has been played is not played again before there is more.
    if (Math.min(ring.level(feed.brokeOffAt), ring.level((feed.position - back) | 0)) < needed) return;
    const again = back - ((feed.position - feed.brokeOffAt) | 0);
    if (again > 0) {
      this.#gauges.add(WORD.INSERT_COUNT, 1);
      this.#gauges.add(WORD.INSERTED_FRAMES, again);
    }
    feed.position = (feed.position - back) | 0;
    this.#isInterrupted = false;
    this.#noteGlitch();
  }

  #noteGlitch() {
    const isSameEvent = this.#soundSinceFrames < SAME_EVENT_FRAMES;
    if (!this.#isExplained) this.#gauges.late(this.#interruptedFrames, isSameEvent, this.#contextFrame);
    this.#soundSinceFrames = 0;
    this.#interruptedFrames = 0;
  }

  /** @param {number} needed */
  #pull(needed) {
    const feed = this.#feed;
    const isMuted = this.#state !== PLAYOUT.SOUNDING || this.#isInterrupted;
    feed.pull(needed, isMuted);
    if (this.#state !== PLAYOUT.SOUNDING) return;
    this.#gauges.missing(feed.missingFrames);
    if (this.#isInterrupted) this.#interruptedFrames += needed;
    else this.#soundSinceFrames = Math.min(this.#soundSinceFrames + needed, SAME_EVENT_FRAMES);
    if (!feed.isDry || this.#isInterrupted) return;
    this.#isInterrupted = true;
    this.#isExplained = false;
    this.#interruptedFrames = feed.missingFrames;
  }

  /** @param {number} contextFrame @param {number} frames */
  #publish(contextFrame, frames) {
    const buffered = this.#feed.end - /** @type {number} */ (this.#now[TIME]);
    const whole = Math.ceil(buffered);
    const { fractions } = this.#gauges;
    fractions[GAUGE.FRACTION] = whole - buffered;
    fractions[GAUGE.LEAD] = /** @type {number} */ (this.#now[LEAD]);
    fractions[GAUGE.RATE] = this.#steering.rate;
    this.#gauges.stamp((this.#feed.position - whole) | 0, contextFrame, frames);
    this.#gauges.steering(this.#state, this.#target);
    this.#gauges.whatIf(this.#whatIf);
  }

  /** @param {number} frames of the block that was put out */
  #advance(frames) {
    this.#findTime(frames);
    const time = /** @type {number} */ (this.#now[FOUND]);
    const spent = Math.max(0, Math.floor(time) - this.#resampler.lookBackFrames);
    this.#feed.discard(spent);
    this.#now[TIME] = time - spent;
  }
}
