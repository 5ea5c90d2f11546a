/**
 * The playout: what the audio thread does with every block.
 *
 * In: the ring, the context's frame count. Out: two channels of samples, and numbers in the control words.
 * What belongs elsewhere: how much to keep in hand (controller.js), the shape of an edge (fades.js).
 * Where nothing is missing and nothing is moved, samples come out exactly as they were sent. render() makes no object.
 *
 * The timeline never stops: while sound is missing, the position goes on, so sound that returns is played where it
 * belongs and the delay is what it was. Only when frames keep coming too late for it is the timeline placed anew.
 */

import { PlayoutController } from './controller.js';
import { PLAYOUT, WORD } from './controls.js';
import { FADE_FRAMES, FADE_IN, Tail } from './fades.js';
import { Gauges } from './gauges.js';
import { controlWords, RingReader } from './ring.js';
import { Seeker } from './seeker.js';
import { STREAM_RATE_HZ } from './units.js';

/** A backlog of more than a second: the audio thread itself stood still. */
const SLEEP_FRAMES = STREAM_RATE_HZ;
/** Sound that breaks off again within a second, and then once more: its timeline is too early for this network. */
const TRUST_FRAMES = STREAM_RATE_HZ;
const QUICK_BREAKS_MAX = 1;

export class Playout {
  #ring;
  #gauges;
  #controller = new PlayoutController();
  #seeker = new Seeker();
  #tail = new Tail();

  #epoch = 0;
  /** One of PLAYOUT. @type {number} */
  #state = PLAYOUT.EMPTY;
  /** Position of the next frame to play; while seeking, the frame that would be playing. */
  #position = 0;
  /** Whether the frame before this one was played (else the next to be played fades in). */
  #audible = false;
  #fadeFrame = FADE_FRAMES;
  /** From here on sound has been continuous: an insertion must not reach further back. */
  #soundStart = 0;
  /** Frames since the state became SOUNDING, as far as it matters. */
  #soundingFrames = 0;

  /** While a splice lasts, the outgoing sound is read this far from the position. */
  #spliceOffset = 0;
  #spliceFrame = FADE_FRAMES;
  /** Share of the incoming sound in this frame, 1 without a splice. */
  #rise = 1;

  /** Where sound broke off: frames before it have been played and are never played again. */
  #brokeOffAt = 0;
  /** Missing frames explain themselves by a mark, a new timeline, or an instrument known to be silent. */
  #explained = true;
  /** Times in a row that sound broke off within TRUST_FRAMES. */
  #quickBreaks = 0;
  /** Whether the timeline from before may go on when frames come in time again. */
  #trusted = false;

  /** Of a composed block, left and right. */
  #peaks = new Float64Array(2);
  #contextFrame = 0;
  #running = false;

  /** @param {ArrayBufferLike} memory the ring's */
  constructor(memory) {
    this.#ring = new RingReader(memory);
    this.#gauges = new Gauges(controlWords(memory));
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
    if (this.#state === PLAYOUT.SEEKING) this.#seek(frames);
    if (this.#state === PLAYOUT.SOUNDING) this.#steer(frames);
    const first = this.#position;
    if (this.#isPlain(frames)) this.#copy(left, right);
    else this.#compose(left, right);
    this.#publish(first, contextFrame, frames);
  }

  /** @param {number} contextFrame @param {number} frames */
  #noticeSkip(contextFrame, frames) {
    const skipped = contextFrame - this.#contextFrame;
    if (this.#running && skipped > 0 && this.#state === PLAYOUT.SOUNDING) this.#gauges.add(WORD.SKIP_COUNT, 1);
    this.#running = true;
    this.#contextFrame = contextFrame + frames;
  }

  /** Nothing of the old timeline joins on: it fades, and the new one is watched before it sounds. */
  #beginTimeline() {
    this.#epoch = this.#ring.epoch;
    if (this.#audible) this.#breakOff();
    this.#state = PLAYOUT.SEEKING;
    this.#position = this.#ring.write;
    this.#brokeOffAt = this.#ring.epochStart;
    this.#trusted = false;
    this.#explained = true;
    this.#seeker.begin(this.#ring.write);
  }

  /** The ring is empty: the timeline goes on in silence, and frames are watched. */
  #runDry() {
    this.#state = PLAYOUT.SEEKING;
    this.#brokeOffAt = this.#position;
    this.#quickBreaks = this.#soundingFrames > TRUST_FRAMES ? 0 : this.#quickBreaks + 1;
    this.#trusted = this.#quickBreaks <= QUICK_BREAKS_MAX;
    this.#explained = false;
    this.#seeker.begin(this.#ring.write);
  }

  /** Waits for frames to come in time for the timeline that was, or steadily enough to place a new one. @param {number} frames */
  #seek(frames) {
    const ring = this.#ring;
    ring.seekGap(this.#brokeOffAt);
    if (ring.silenceExpected || ring.inGap(this.#brokeOffAt)) this.#explained = true;
    const headroom = ring.level(this.#position) - frames;
    const steady = this.#seeker.observe(headroom, frames, ring.write);
    if (ring.level(this.#brokeOffAt) <= 0) return;
    if (this.#trusted && headroom >= this.#controller.enoughFrames) this.#resume();
    else if (steady) this.#place();
  }

  /** Frames come in time again: the timeline goes on, a little later if what happened asks for more in hand. */
  #resume() {
    const before = this.#controller.targetFrames;
    this.#blame();
    const wish = this.#controller.targetFrames - before;
    const back = Math.min(wish, (this.#position - this.#brokeOffAt) | 0); // played frames are not played again
    this.#position = (this.#position - back) | 0;
    this.#controller.moved(-back);
    this.#sound();
  }

  /** The headroom that frames really leave is known: the timeline is put where it leaves the target. */
  #place() {
    this.#blame(); // first: it may raise the target
    const shift = this.#seeker.leastFrames - this.#controller.targetFrames;
    const place = (this.#position + shift) | 0;
    if (((place - this.#brokeOffAt) | 0) < 0) return; // not yet that much sound since: played frames are not played again
    this.#position = place;
    this.#controller.placed();
    this.#sound();
  }

  #sound() {
    this.#state = PLAYOUT.SOUNDING;
    this.#soundingFrames = 0;
  }

  /** Sound broke off and is back: somebody else has named a cause, or frames were late. */
  #blame() {
    if (this.#explained) return;
    this.#explained = true;
    this.#gauges.add(WORD.LATE_COUNT, 1);
    this.#controller.late(this.#seeker.lateFrames);
  }

  /** Looks at the headroom and follows the controller's advice. @param {number} frames */
  #steer(frames) {
    const ring = this.#ring;
    ring.seekGap(this.#position);
    this.#soundingFrames = Math.min(this.#soundingFrames + frames, 2 * TRUST_FRAMES);
    const headroom = ring.level(this.#position) - frames;
    if (headroom < 0) return; // it breaks off within this block
    this.#controller.observe(headroom, frames);
    const correction = this.#controller.correctionFrames();
    if (correction === 0) return;
    if (this.#controller.isJump(correction)) this.#jump(correction);
    else if (this.#isSettled()) this.#splice(correction);
  }

  /** Drops a whole backlog at once. @param {number} skip */
  #jump(skip) {
    if (skip > SLEEP_FRAMES) this.#gauges.add(WORD.SLEEP_COUNT, 1);
    this.#gauges.add(WORD.JUMP_COUNT, 1);
    this.#gauges.add(WORD.TRIMMED_FRAMES, skip);
    if (this.#canFadeOut()) {
      this.#beginSplice(skip);
    } else {
      if (this.#audible) this.#breakOff();
      this.#position = (this.#position + skip) | 0;
    }
    this.#soundStart = this.#position;
    this.#ring.seekGap(this.#position);
    this.#controller.placed();
  }

  /** Moves by a few frames within continuous sound. @param {number} correction positive: skip; negative: go back */
  #splice(correction) {
    if (correction > 0) {
      const gapAhead = this.#gapWithin(correction + FADE_FRAMES);
      if (gapAhead) return; // the controller asks again in a fifth of a second
      this.#gauges.add(WORD.TRIM_COUNT, 1);
      this.#gauges.add(WORD.TRIMMED_FRAMES, correction);
    } else {
      if (((this.#position + correction - this.#soundStart) | 0) < 0) return; // as above
      this.#gauges.add(WORD.INSERT_COUNT, 1);
      this.#gauges.add(WORD.INSERTED_FRAMES, -correction);
    }
    this.#beginSplice(correction);
    this.#controller.moved(correction);
  }

  /** @param {number} skip */
  #beginSplice(skip) {
    this.#position = (this.#position + skip) | 0;
    this.#spliceOffset = -skip;
    this.#spliceFrame = 0;
  }

  /** @returns {boolean} what sounds now can be read on for the length of a fade */
  #canFadeOut() {
    return this.#isSettled() && !this.#ring.lapped(this.#position) && !this.#gapWithin(FADE_FRAMES);
  }

  /** @returns {boolean} sound is played as it is: no fade, no splice */
  #isSettled() {
    return this.#audible && this.#fadeFrame === FADE_FRAMES && this.#spliceFrame === FADE_FRAMES;
  }

  /** @param {number} frames @returns {boolean} a gap begins within so many frames */
  #gapWithin(frames) {
    return this.#ring.hasGap && ((this.#ring.gapStart - this.#position) | 0) < frames;
  }

  /** @param {number} frames @returns {boolean} the block lies in the ring as a whole and nothing is to be done to it */
  #isPlain(frames) {
    return this.#state === PLAYOUT.SOUNDING && this.#isSettled() && !this.#tail.active
      && this.#ring.level(this.#position) >= frames && !this.#gapWithin(frames);
  }

  /** @param {Float32Array} left @param {Float32Array} right */
  #copy(left, right) {
    this.#ring.copy(this.#position, left, right);
    this.#gauges.peaks(this.#ring.peaks);
    this.#tail.rememberBlock(left, right);
    this.#position = (this.#position + left.length) | 0;
  }

  /** A block with an edge in it, or silence: frame by frame. @param {Float32Array} left @param {Float32Array} right */
  #compose(left, right) {
    let missing = 0;
    const peaks = this.#peaks.fill(0);
    for (let frame = 0; frame < left.length; frame += 1) {
      const position = this.#position;
      const present = this.#hasFrame(position);
      if (present) this.#stepSplice(position);
      else missing += 1;
      if (!present && this.#audible) this.#breakOff();
      if (!present && this.#state === PLAYOUT.SOUNDING && this.#ring.level(position) <= 0) this.#runDry();
      const gain = present ? this.#stepFade() : 0;
      const rise = this.#rise;
      let leftSample = present ? this.#ring.leftAt(position) * gain : 0;
      let rightSample = present ? this.#ring.rightAt(position) * gain : 0;
      if (present && rise < 1) {
        const outgoing = (position + this.#spliceOffset) | 0;
        leftSample = leftSample * rise + this.#ring.leftAt(outgoing) * (1 - rise);
        rightSample = rightSample * rise + this.#ring.rightAt(outgoing) * (1 - rise);
      }
      if (this.#tail.active) {
        this.#tail.step();
        leftSample += this.#tail.left;
        rightSample += this.#tail.right;
      }
      left[frame] = leftSample;
      right[frame] = rightSample;
      peaks[0] = Math.max(/** @type {number} */ (peaks[0]), Math.abs(leftSample));
      peaks[1] = Math.max(/** @type {number} */ (peaks[1]), Math.abs(rightSample));
      this.#tail.remember(leftSample, rightSample);
      this.#position = (position + 1) | 0;
      if (this.#ring.hasGap && this.#position === this.#ring.gapEnd) this.#ring.seekGap(this.#position);
    }
    this.#gauges.missing(missing);
    this.#gauges.peaks(peaks);
  }

  /** One frame on in a splice, if there is one: #rise is the share of the incoming sound. @param {number} position */
  #stepSplice(position) {
    if (!this.#audible) this.#fadeIn(position);
    this.#rise = 1;
    if (this.#spliceFrame === FADE_FRAMES) return;
    if (this.#hasFrame((position + this.#spliceOffset) | 0)) {
      this.#rise = /** @type {number} */ (FADE_IN[this.#spliceFrame]);
      this.#spliceFrame += 1;
    } else {
      // The outgoing sound ended early: what was heard falls silent by its tail, the incoming sound begins anew.
      this.#breakOff();
      this.#fadeIn(position);
    }
  }

  /** @param {number} position @returns {boolean} the frame is there and is to be heard */
  #hasFrame(position) {
    return this.#state === PLAYOUT.SOUNDING && this.#ring.level(position) > 0 && !this.#ring.inGap(position);
  }

  /** What sounds falls silent from here on. */
  #breakOff() {
    this.#tail.begin();
    this.#audible = false;
    this.#spliceFrame = FADE_FRAMES;
    this.#fadeFrame = FADE_FRAMES;
  }

  /** @param {number} position */
  #fadeIn(position) {
    this.#audible = true;
    this.#fadeFrame = 0;
    this.#soundStart = position;
  }

  /** @returns {number} */
  #stepFade() {
    if (this.#fadeFrame === FADE_FRAMES) return 1;
    const gain = /** @type {number} */ (FADE_IN[this.#fadeFrame]);
    this.#fadeFrame += 1;
    return gain;
  }

  /** @param {number} first position of the block's first frame @param {number} contextFrame @param {number} frames */
  #publish(first, contextFrame, frames) {
    const gauges = this.#gauges;
    gauges.stamp(first, contextFrame, frames);
    gauges.steering(this.#state, this.#controller);
    if (this.#state === PLAYOUT.SOUNDING) gauges.headroom(this.#ring.level(first) - frames);
    if (this.#audible) gauges.sounds(contextFrame);
  }
}
