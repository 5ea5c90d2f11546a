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
import { Outrun } from './outrun.js';
import { Pace, TIME } from './pace.js';
import { Reference } from './reference.js';
import { Resampler } from '../sound/resampler.js';
import { controlWords, RingReader } from './ring.js';
import { STEP_MS } from './steering.js';
import { LeadTarget } from './target.js';
import { framesOf, STREAM_RATE_HZ } from '../units.js';
import { SAME_EVENT_MS, WhatIf } from './what_if.js';

/** Required leads are watched for so long before sound is placed. */
const WATCH_MS = 70;
/** The rate of the block is not chosen yet when it is looked whether there is room for a step. */
const STEP_MARGIN_FRAMES = 4;
/** Frames lie ready so much earlier than any network could bring them: the audio thread itself stood still. */
const STANDSTILL_MS = 100;
const SLEEP_MS = 1000;
/** So long nothing may be late before the line is doubted. */
const CALM_MS = 1000;
/** No lead is as short. */
const LEAST = -0x3fff_ffff;

/** Of #now: the lead at the block's begin, and by how much it is too long. */
const LEAD = 0;
const ERROR = 1;

export class Playout {
  #ring;
  #gauges;
  #line;
  #feed;
  #resampler;
  #pace;
  #reference;
  #target;
  #whatIf;
  /** What the constants above are at the stream's rate, frames. */
  #watchFrames;
  #stepFrames;
  #standstillFramesMin;
  #sleepFrames;
  #calmFrames;
  #sameEventFrames;
  #streamRateHz;
  #now = new Float64Array(2);

  #epoch = 0;
  /** One of PLAYOUT. @type {number} */
  #state = PLAYOUT.EMPTY;
  #watchedFrames = 0;
  /** Sound broke off; nothing real is pulled before a whole block of it is there. */
  #isInterrupted = false;
  /** Missing frames explain themselves by a mark, a new timeline, or an instrument known to be silent. */
  #isExplained = true;
  #interruptedFrames = 0;
  /** Frames since the last event was over, as far as it matters; and whether the interruption under way still belongs to it. */
  #sinceEventFrames;
  #isSameEvent = false;
  /** Where what had arrived ended, a block ago. */
  #lastWrite = 0;
  #outrun;
  /**
   * By how much the live edge is later than the line says: above 0 because the audio thread stood still, below 0 because the stream has
   * fallen behind. The line does not know of it yet.
   */
  #slipFrames = 0;
  /** By how much a new line is later than the one before for such a standstill that was not met yet: by so much the reader is behind. */
  #standstillFrames = 0;
  /** The worst lead required in this second. */
  #secondMost = LEAST;
  #secondFrames = 0;

  #contextFrame = 0;
  #isRunning = false;

  /** @param {ArrayBufferLike} memory the ring's @param {number} contextRateHz @param {number} [streamRateHz] */
  constructor(memory, contextRateHz, streamRateHz = STREAM_RATE_HZ) {
    /** @param {number} ms */
    const frames = (ms) => framesOf(ms, streamRateHz);
    this.#streamRateHz = streamRateHz;
    this.#watchFrames = frames(WATCH_MS);
    this.#stepFrames = frames(STEP_MS);
    this.#standstillFramesMin = frames(STANDSTILL_MS);
    this.#sleepFrames = frames(SLEEP_MS);
    this.#calmFrames = frames(CALM_MS);
    this.#sameEventFrames = frames(SAME_EVENT_MS);
    this.#sinceEventFrames = this.#sameEventFrames;
    this.#target = new LeadTarget(streamRateHz);
    this.#whatIf = new WhatIf(streamRateHz);
    this.#outrun = new Outrun(streamRateHz);
    const words = controlWords(memory);
    this.#ring = new RingReader(memory);
    this.#gauges = new Gauges(words);
    this.#line = new LineReader(words, streamRateHz / contextRateHz);
    this.#feed = new Feed(this.#ring);
    this.#resampler = new Resampler(Math.min(1, contextRateHz / streamRateHz));
    this.#pace = new Pace(this.#line, this.#resampler, contextRateHz, streamRateHz);
    this.#reference = new Reference(this.#line, new Pace(this.#line, this.#resampler, contextRateHz, streamRateHz), streamRateHz);
    this.#feed.end = this.#resampler.lookBackFrames;
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
    this.#target.choose(this.#gauges.mode, framesOf(this.#gauges.fixedUs / 1000, this.#streamRateHz));
    this.#measureLead(contextFrame);
    if (this.#isSounding) this.#step(contextFrame, frames);
    if (this.#reference.isRunning) this.#reference.move(frames, contextFrame, this.#slipFrames, this.#standstillFrames === 0);
    this.#chooseRate(frames);
    const needed = this.#pace.neededFrames(frames, this.#feed.end);
    if (this.#line.isValid) this.#measureRequired(needed, contextFrame);
    if (this.#state === PLAYOUT.SEEKING) this.#seek(needed, contextFrame);
    else if (this.#isInterrupted) this.#resume(needed);
    if (this.#reference.isRunning) this.#followStream(needed);
    if (this.#reference.isRunning) this.#watch();
    this.#publish(contextFrame, frames);
    this.#pull(needed);
    this.#resampler.run(this.#feed.left, this.#feed.right, this.#pace.times, left, right);
    this.#gauges.peaks(left, right);
    if (this.#feed.isAudible) this.#gauges.sounds(contextFrame);
    this.#feed.discard(this.#pace.advance(frames));
    if (this.#reference.isRunning) this.#reference.advance(frames);
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
    this.#outrun.restart();
    this.#sinceEventFrames = this.#sameEventFrames;
    this.#lastWrite = this.#ring.write;
    this.#feed.position = this.#ring.write;
    this.#reference.stop();
    this.#whatIf.begin();
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
    if (moved !== 0) this.#target.shift(moved);
  }

  /** @param {number} contextFrame */
  #measureLead(contextFrame) {
    const buffered = this.#feed.end - /** @type {number} */ (this.#pace.times[TIME]);
    this.#line.measure(contextFrame, this.#feed.position);
    this.#now[LEAD] = /** @type {number} */ (this.#line.ahead[0]) + buffered + this.#slipFrames;
  }

  /** An error that no speed could work off: the reader steps, once. @param {number} contextFrame @param {number} frames of the block */
  #step(contextFrame, frames) {
    this.#measureError();
    const error = /** @type {number} */ (this.#now[ERROR]);
    if (Math.abs(error) <= this.#stepFrames || !this.#feed.isSettled || this.#standstillFrames > 0) return;
    const skipped = this.#feed.splice(Math.round(error), this.#pace.neededFrames(frames, this.#feed.end) + STEP_MARGIN_FRAMES);
    this.#noteStep(skipped);
    this.#measureLead(contextFrame);
  }

  /** @param {number} skipped frames of delay given back; negative: taken */
  #noteStep(skipped) {
    if (skipped > 0) {
      this.#gauges.add(WORD.TRIM_COUNT, 1);
      this.#gauges.add(WORD.TRIMMED_FRAMES, skipped);
    } else if (skipped < 0) {
      this.#gauges.add(WORD.INSERT_COUNT, 1);
      this.#gauges.add(WORD.INSERTED_FRAMES, -skipped);
    }
  }

  /** Leaves in #now[ERROR] by how much the lead is longer than wished. */
  #measureError() {
    this.#now[ERROR] = /** @type {number} */ (this.#now[LEAD]) - this.#target.frames - this.#pace.slackFrames;
  }

  /** @param {number} frames of the block */
  #chooseRate(frames) {
    if (this.#state !== PLAYOUT.SOUNDING) {
      if (this.#reference.isRunning) this.#pace.follow(this.#reference.pace);
      else this.#pace.hold();
      return;
    }
    this.#measureError();
    const error = /** @type {number} */ (this.#now[ERROR]);
    // Where the lead is too short when sound returns, it will be put right then: till then only what the reference works off matters.
    this.#pace.error[0] = this.#isInterrupted ? Math.max(error, /** @type {number} */ (this.#reference.pace.error[0])) : error;
    this.#pace.steer(frames);
  }

  /** How long a lead this block asks for, whatever the reader's is. @param {number} needed @param {number} contextFrame */
  #measureRequired(needed, contextFrame) {
    const buffered = this.#feed.end - /** @type {number} */ (this.#pace.times[TIME]);
    this.#line.measure(contextFrame, this.#ring.write);
    const required = /** @type {number} */ (this.#line.ahead[0]) + this.#slipFrames + buffered + needed;
    const lag = needed - required;
    if (this.#reference.isRunning && (lag > this.#standstillFramesMin || this.#standstillFrames > 0)) return this.#slip(lag);
    if (this.#ring.silenceExpected) return;
    const whole = Math.ceil(required) | 0;
    // While blocks and packets keep their phase, every block may find a packet that came just before it. Clocks that differ by next
    // to nothing turn the phase in minutes: what it will ask for then is known now. Where clocks differ by more it will in seconds
    // ask for all of it, which is the frames the filter looks ahead, and what the line is too late by, too.
    this.#noticeCalm(whole, needed);
    const excess = this.#line.excessFrames;
    const turned = this.#ring.packetFrames + needed + (excess > 0 ? excess + this.#resampler.lookAheadFrames : 0);
    this.#target.observe(Math.max(whole, turned), needed);
    if (this.#isSounding) this.#target.relax(this.#feed.isSilent, this.#pace.mayRest, needed);
  }

  /** Counts what this block would have meant to other leads. */
  #watch() {
    const ring = this.#ring;
    const { position, neededFrames } = this.#reference;
    if (ring.write !== this.#lastWrite) {
      ring.seekGap(this.#lastWrite);
      if (ring.inGap(this.#lastWrite)) this.#whatIf.explain(this.#lastWrite);
      this.#lastWrite = ring.write;
    }
    this.#whatIf.observe(neededFrames - ring.level(position), neededFrames, ring.write, ring.silenceExpected);
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
    if (slip > this.#sleepFrames) this.#gauges.add(WORD.SLEEP_COUNT, 1);
    this.#feed.jump(slip);
    this.#reference.jump(slip);
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
    if (this.#reference.isRunning && early > this.#stepFrames) this.#slipFrames += early;
    this.#secondFrames = 0;
    this.#secondMost = LEAST;
  }

  /** Once it is known how late frames come, the reader is placed. @param {number} needed @param {number} contextFrame */
  #seek(needed, contextFrame) {
    if (!this.#line.isValid) return;
    this.#watchedFrames += needed;
    if (this.#watchedFrames < this.#watchFrames) return;
    if (!this.#reference.isRunning) this.#reference.begin(this.#pace, this.#feed.end, needed, contextFrame);
    this.#target.begin();
    const place = (this.#reference.position - this.#target.frames) | 0;
    if (((place - this.#ring.epochStart) | 0) < 0 || this.#ring.level(place) < needed) return;
    this.#feed.position = place;
    this.#pace.steering.follow(this.#reference.pace.steering);
    this.#state = PLAYOUT.SOUNDING;
    this.#measureLead(contextFrame);
  }

  /**
   * Sound that broke off goes on at its true place as soon as a whole block is there. Where the target has grown by what happened it is
   * a place before: the interruption pays for the longer lead, too. And it pays for a step forward that is due.
   *
   * @param {number} needed
   */
  #resume(needed) {
    const ring = this.#ring;
    const feed = this.#feed;
    ring.seekGap(feed.brokeOffAt);
    if (ring.silenceExpected || ring.inGap(feed.brokeOffAt)) this.#isExplained = true;
    const short = this.#target.frames + /** @type {number} */ (this.#reference.lead[0]) - /** @type {number} */ (this.#now[LEAD]);
    const back = short > 0 || short < -this.#stepFrames ? Math.min(Math.round(short) | 0, Math.max(0, (feed.position - ring.epochStart) | 0)) : 0;
    // What has been played is not played again before there is more.
    if (Math.min(ring.level(feed.brokeOffAt), ring.level((feed.position - back) | 0)) < needed) return;
    this.#noteStep(back < 0 ? -back : Math.min(0, ((feed.position - feed.brokeOffAt) | 0) - back));
    feed.position = (feed.position - back) | 0;
    this.#isInterrupted = false;
    this.#noteGlitch();
  }

  /**
   * A stream that has fallen behind the line for good is live where it is. What has come since the sound broke off is played, so that
   * nothing of a source that loses frames is lost on top.
   *
   * @param {number} needed
   */
  #followStream(needed) {
    const ring = this.#ring;
    const reference = this.#reference;
    const late = needed - ring.level(reference.position);
    if (this.#isSounding) return this.#outrun.inTime(needed);
    if (!this.#outrun.observe((ring.write - this.#lastWrite) | 0, ring.packetFrames, late)) return;
    // Frames that lie ready by more than this would be taken for a standstill.
    const most = this.#target.frames + this.#standstillFramesMin / 2;
    const held = this.#isInterrupted ? Math.min(most, ring.level(this.#feed.brokeOffAt)) : needed;
    const behind = Math.min(0, this.#target.frames + needed - late - Math.max(held, needed)) | 0;
    this.#slipFrames += behind;
    reference.jump(behind);
  }

  #noteGlitch() {
    if (this.#isExplained) return;
    this.#gauges.late(this.#interruptedFrames, this.#isSameEvent, this.#contextFrame);
    this.#sinceEventFrames = 0;
  }

  /** @param {number} needed */
  #pull(needed) {
    const feed = this.#feed;
    feed.pull(needed, !this.#isSounding);
    if (this.#state !== PLAYOUT.SOUNDING) return;
    this.#gauges.missing(feed.missingFrames);
    if (!this.#pace.isExact) this.#gauges.add(WORD.RESAMPLED_FRAMES, needed);
    const sinceEventFrames = this.#sinceEventFrames;
    this.#sinceEventFrames = Math.min(sinceEventFrames + needed, this.#sameEventFrames);
    if (this.#isInterrupted) this.#interruptedFrames += needed;
    else if (feed.isDry) this.#breakOff(sinceEventFrames < this.#sameEventFrames);
  }

  /** @param {boolean} isSameEvent the one before has hardly been over */
  #breakOff(isSameEvent) {
    this.#isInterrupted = true;
    this.#isExplained = false;
    this.#isSameEvent = isSameEvent;
    this.#interruptedFrames = this.#feed.missingFrames;
  }

  /** @param {number} contextFrame @param {number} frames */
  #publish(contextFrame, frames) {
    const buffered = this.#feed.end - /** @type {number} */ (this.#pace.times[TIME]);
    const whole = Math.ceil(buffered);
    const { fractions } = this.#gauges;
    fractions[GAUGE.FRACTION] = whole - buffered;
    fractions[GAUGE.LEAD] = /** @type {number} */ (this.#now[LEAD]);
    fractions[GAUGE.RATE] = this.#pace.steering.rate;
    this.#gauges.stamp((this.#feed.position - whole) | 0, contextFrame, frames);
    this.#gauges.steering(this.#state, this.#target);
    this.#gauges.whatIf(this.#whatIf);
  }
}
