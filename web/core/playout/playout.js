/**
 * The playout: the audio thread's work for every block.
 *
 * In: the ring, the live edge, the context's frame count. Out: two channels of samples, and numbers in the control words.
 * This module decides when sound begins, breaks off, returns and steps. Elsewhere: where in the stream the reader should be and
 * how fast it moves (timeline.js), and the sound (voice.js). render() makes no object.
 *
 * The timeline never stops: while sound is missing the reader continues, so returning sound plays at its true place and the delay
 * is unchanged. With one clock at both ends, and at the stream's rate, samples come out exactly as they were sent.
 */

import { SAME_EVENT_MS, SLEEP_MS, STEP_MARGIN_FRAMES, WATCH_MS } from './constants.js';
import { STREAM_RATE_HZ } from '../constants.js';
import { PLAYOUT, WORD } from './controls.js';
import { GAUGE, Gauges } from './gauges.js';
import { TIME } from './pace.js';
import { controlWords, RingReader } from './ring.js';
import { ERROR, LEAD, Timeline } from './timeline.js';
import { Voice } from './voice.js';
import { framesOf } from '../units.js';

export class Playout {
  #ring;
  #gauges;
  #timeline;
  #voice;
  #feed;
  #watchFrames;
  #sleepFrames;
  #sameEventFrames;

  #epoch = 0;
  /** One of PLAYOUT. @type {number} */
  #state = PLAYOUT.EMPTY;
  #watchedFrames = 0;
  /** True once sound broke off: the reader takes nothing from the ring until a whole block is there. */
  #isInterrupted = false;
  /** True if missing frames are explained: by a gap mark, a new timeline, or an instrument that is known to be silent. */
  #isExplained = true;
  #interruptedFrames = 0;
  /** Frames since the last event ended (limited); and whether the present interruption belongs to that event. */
  #sinceEventFrames;
  #isSameEvent = false;

  #contextFrame = 0;
  #isRunning = false;

  /** @param {ArrayBufferLike} memory of the ring @param {number} contextRateHz @param {number} [streamRateHz] */
  constructor(memory, contextRateHz, streamRateHz = STREAM_RATE_HZ) {
    this.#watchFrames = framesOf(WATCH_MS, streamRateHz);
    this.#sleepFrames = framesOf(SLEEP_MS, streamRateHz);
    this.#sameEventFrames = framesOf(SAME_EVENT_MS, streamRateHz);
    this.#sinceEventFrames = this.#sameEventFrames;
    const words = controlWords(memory);
    this.#ring = new RingReader(memory);
    this.#gauges = new Gauges(words);
    this.#voice = new Voice(this.#ring, contextRateHz, streamRateHz);
    this.#feed = this.#voice.feed;
    this.#timeline = new Timeline(this.#ring, words, this.#voice.resampler, contextRateHz, streamRateHz);
  }

  /**
   * Renders one block.
   *
   * @param {Float32Array} left of any length @param {Float32Array} right of the same length
   * @param {number} contextFrame the context's count at the block's first frame
   */
  render(left, right, contextFrame) {
    const frames = left.length;
    const timeline = this.#timeline;
    const feed = this.#feed;
    this.#noticeSkip(contextFrame, frames);
    this.#ring.look();
    if (this.#ring.epoch !== this.#epoch) this.#beginTimeline();
    timeline.follow(contextFrame, this.#gauges.mode, this.#gauges.fixedUs);
    timeline.measureLead(contextFrame, feed.position, feed.end);
    if (this.#isSounding) this.#step(contextFrame, frames);
    timeline.move(frames, contextFrame);
    timeline.chooseSpeed(frames, this.#state === PLAYOUT.SOUNDING, this.#isInterrupted);
    const needed = timeline.pace.neededFrames(frames, feed.end);
    if (timeline.isKnown) this.#measureRequired(needed, contextFrame);
    if (this.#state === PLAYOUT.SEEKING) this.#seek(needed, contextFrame);
    else if (this.#isInterrupted) this.#resume(needed);
    timeline.followStream(needed, this.#isSounding, this.#isInterrupted ? this.#ring.level(feed.brokeOffAt) : 0);
    timeline.watch();
    this.#publish(contextFrame, frames, needed);
    this.#pull(needed);
    this.#voice.put(timeline.pace.times, left, right);
    this.#gauges.peaks(left, right);
    if (feed.isAudible) this.#gauges.sounds(contextFrame);
    feed.discard(timeline.pace.advance(frames));
    timeline.advance(frames);
  }

  /** @param {number} contextFrame @param {number} frames */
  #noticeSkip(contextFrame, frames) {
    const skipped = (contextFrame - this.#contextFrame) | 0;
    if (this.#isRunning && skipped > 0 && this.#state === PLAYOUT.SOUNDING) this.#gauges.add(WORD.SKIP_COUNT, 1);
    this.#isRunning = true;
    this.#contextFrame = (contextFrame + frames) | 0;
  }

  /** Ends the old timeline: its sound fades out. The new timeline is observed before it sounds. */
  #beginTimeline() {
    this.#epoch = this.#ring.epoch;
    this.#state = PLAYOUT.SEEKING;
    this.#watchedFrames = 0;
    this.#isInterrupted = false;
    this.#sinceEventFrames = this.#sameEventFrames;
    this.#feed.position = this.#ring.write;
    this.#timeline.begin(this.#epoch);
  }

  get #isSounding() {
    return this.#state === PLAYOUT.SOUNDING && !this.#isInterrupted;
  }

  /**
   * The error is too large to correct by the speed: the reader takes one step.
   *
   * @param {number} contextFrame @param {number} frames of the block
   */
  #step(contextFrame, frames) {
    const timeline = this.#timeline;
    const feed = this.#feed;
    timeline.measureError();
    const error = /** @type {number} */ (timeline.now[ERROR]);
    if (Math.abs(error) <= timeline.stepFrames || !feed.isSettled || timeline.isMoving) return;
    const skipped = feed.splice(Math.round(error), timeline.pace.neededFrames(frames, feed.end) + STEP_MARGIN_FRAMES);
    this.#noteStep(skipped);
    timeline.measureLead(contextFrame, feed.position, feed.end);
  }

  /** @param {number} skipped frames of delay given back; negative: added */
  #noteStep(skipped) {
    if (skipped > 0) {
      this.#gauges.add(WORD.TRIM_COUNT, 1);
      this.#gauges.add(WORD.TRIMMED_FRAMES, skipped);
    } else if (skipped < 0) {
      this.#gauges.add(WORD.INSERT_COUNT, 1);
      this.#gauges.add(WORD.INSERTED_FRAMES, -skipped);
    }
  }

  /** @param {number} needed @param {number} contextFrame */
  #measureRequired(needed, contextFrame) {
    const timeline = this.#timeline;
    const feed = this.#feed;
    const frozen = timeline.measureRequired(needed, feed.end, contextFrame, feed.hearing.usualShare);
    if (frozen > 0) this.#jump(frozen);
    else if (this.#isSounding && !this.#ring.silenceExpected) timeline.target.relax(feed.isSilent, timeline.pace.mayRest, needed);
  }

  /** The audio thread was frozen while frames kept coming. @param {number} frozen frames */
  #jump(frozen) {
    this.#gauges.add(WORD.JUMP_COUNT, 1);
    this.#gauges.add(WORD.TRIMMED_FRAMES, frozen);
    if (frozen > this.#sleepFrames) this.#gauges.add(WORD.SLEEP_COUNT, 1);
    this.#feed.jump(frozen);
  }

  /** Places the reader once it is known how late frames come. @param {number} needed @param {number} contextFrame */
  #seek(needed, contextFrame) {
    const timeline = this.#timeline;
    const feed = this.#feed;
    if (!timeline.isKnown) return;
    this.#watchedFrames += needed;
    if (this.#watchedFrames < this.#watchFrames) return;
    const place = timeline.place(feed.end, needed, contextFrame);
    if (((place - this.#ring.epochStart) | 0) < 0 || this.#ring.level(place) < needed) return;
    feed.position = place;
    timeline.pace.steering.follow(timeline.reference.pace.steering);
    this.#state = PLAYOUT.SOUNDING;
    timeline.measureLead(contextFrame, feed.position, feed.end);
  }

  /**
   * Sound that broke off resumes at its true place as soon as a whole block is there. If the target has grown, it resumes earlier
   * in the stream: so the longer lead begins during the interruption, and the listener hears one gap, not two. A step forward
   * that is due happens now, too.
   *
   * @param {number} needed
   */
  #resume(needed) {
    const ring = this.#ring;
    const feed = this.#feed;
    const { now, reference, stepFrames, target } = this.#timeline;
    ring.seekGap(feed.brokeOffAt);
    if (ring.silenceExpected || ring.inGap(feed.brokeOffAt)) this.#isExplained = true;
    const short = target.frames + /** @type {number} */ (reference.lead[0]) - /** @type {number} */ (now[LEAD]);
    const back = short > 0 || short < -stepFrames ? Math.min(Math.round(short) | 0, Math.max(0, (feed.position - ring.epochStart) | 0)) : 0;
    // Frames that were played are not repeated before new ones have arrived.
    if (Math.min(ring.level(feed.brokeOffAt), ring.level((feed.position - back) | 0)) < needed) return;
    this.#noteStep(back < 0 ? -back : Math.min(0, ((feed.position - feed.brokeOffAt) | 0) - back));
    feed.position = (feed.position - back) | 0;
    this.#isInterrupted = false;
    this.#noteGlitch();
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
    this.#gauges.heard(feed.hearing.heard);
    if (!this.#timeline.pace.isExact) this.#gauges.add(WORD.RESAMPLED_FRAMES, needed);
    const sinceEventFrames = this.#sinceEventFrames;
    this.#sinceEventFrames = Math.min(sinceEventFrames + needed, this.#sameEventFrames);
    if (this.#isInterrupted) this.#interruptedFrames += needed;
    else if (feed.isDry) this.#breakOff(sinceEventFrames < this.#sameEventFrames);
  }

  /** @param {boolean} isSameEvent whether the last event has only just ended */
  #breakOff(isSameEvent) {
    this.#isInterrupted = true;
    this.#isExplained = false;
    this.#isSameEvent = isSameEvent;
    this.#interruptedFrames = this.#feed.missingFrames;
  }

  /** @param {number} contextFrame @param {number} frames @param {number} needed */
  #publish(contextFrame, frames, needed) {
    const { now, pace, target, whatIf } = this.#timeline;
    const buffered = this.#feed.end - /** @type {number} */ (pace.times[TIME]);
    const whole = Math.ceil(buffered);
    const { fractions } = this.#gauges;
    fractions[GAUGE.FRACTION] = whole - buffered;
    fractions[GAUGE.LEAD] = /** @type {number} */ (now[LEAD]);
    fractions[GAUGE.SPEED] = pace.steering.speed;
    // The next block may need one more frame.
    this.#gauges.stamp((this.#feed.position - whole) | 0, contextFrame, frames, (whole + 2 * needed + 1) | 0);
    this.#gauges.steering(this.#state, target);
    this.#gauges.whatIf(whatIf);
  }
}
