/**
 * The feed: the next frames of the stream, real ones where they exist, guessed ones where they are missing.
 *
 * In: the ring, and where to continue. Out: frames in a small linear buffer, for the resampler. Elsewhere: when sound begins or
 * steps (playout.js), how a guess is made (concealment.js), where a splice fits (splice.js). If nothing is missing and nothing
 * steps, frames come out exactly as they were sent. No method makes an object.
 *
 * The timeline never stops: while frames are missing the position advances, so that returning sound is at its true place.
 */

import { OVERLAP_FRAMES, SEARCH_REACH_FRAMES } from '../sound/constants.js';
import { FEED_FRAMES, SPLICE_MISS_FRAMES } from './constants.js';
import { Concealer, RE_ENTRY } from '../sound/concealment.js';
import { Hearing } from '../sound/hearing.js';
import { OVERLAP, REGION_FRAMES, SilenceDetector, SpliceSearch } from '../sound/splice.js';

/** The law for crossfades between unrelated sounds. */
const INDEPENDENT = 0;

export class Feed {
  left = new Float32Array(FEED_FRAMES);
  right = new Float32Array(FEED_FRAMES);
  /** Number of frames in the buffer. */
  end = 0;
  /** The position of the frame that is pulled next. */
  position = 0;
  /** True if the last pull reached the end of the arrived frames, at brokeOffAt. */
  isDry = false;
  brokeOffAt = 0;
  /** Missing frames of the last pull. */
  missingFrames = 0;

  /** How audible missing frames would be. */
  hearing = new Hearing();

  #ring;
  #concealer = new Concealer();
  #search = new SpliceSearch();
  #silence = new SilenceDetector();
  /** True if the previous frame was a real one. */
  #isAudible = false;
  /** The gains of the current crossfade, and its progress; at its end there is no crossfade. @type {Float32Array} */
  #gains = /** @type {Float32Array} */ (RE_ENTRY[INDEPENDENT]);
  #faded = this.#gains.length;
  /** The sound that fades out: the ring at this distance, or the guess. */
  #isGuessOutgoing = true;
  #outgoingOffset = 0;
  #outgoingLeft = new Float32Array(FEED_FRAMES);
  #outgoingRight = new Float32Array(FEED_FRAMES);

  /** @param {import('./ring.js').RingReader} ring */
  constructor(ring) {
    this.#ring = ring;
    this.#concealer.rehearse();
  }

  /** @returns {boolean} whether the feed plays real sound without a crossfade */
  get isSettled() {
    return this.#isAudible && this.#faded === this.#gains.length;
  }

  /** @returns {boolean} whether the stream's sound is audible, alone or in a crossfade */
  get isAudible() {
    return this.#isAudible;
  }

  /** @returns {boolean} whether the sound has been silent for some time */
  get isSilent() {
    return this.#silence.silent;
  }

  /** Drops the first frames of the buffer. @param {number} frames */
  discard(frames) {
    this.left.copyWithin(0, frames, this.end);
    this.right.copyWithin(0, frames, this.end);
    this.end -= frames;
  }

  /**
   * Appends the next frames to the buffer.
   *
   * @param {number} frames @param {boolean} isMuted no real sound may be heard
   */
  pull(frames, isMuted) {
    this.isDry = false;
    this.missingFrames = 0;
    for (let rest = frames; rest > 0;) {
      const real = isMuted ? 0 : this.#realRun(rest);
      const run = real > 0 ? real : isMuted ? rest : this.#missingRun(rest);
      if (real > 0) this.#pullReal(run);
      else this.#pullMissing(run);
      rest -= run;
    }
    this.#concealer.prepare(frames);
  }

  /** @param {number} most @returns {number} consecutive frames that exist from here on */
  #realRun(most) {
    const ring = this.#ring;
    ring.seekGap(this.position);
    if (ring.inGap(this.position) || ring.lapped(this.position)) return 0;
    const run = Math.min(most, ring.level(this.position));
    return ring.hasGap ? Math.min(run, (ring.gapStart - this.position) | 0) : run;
  }

  /** @param {number} most @returns {number} consecutive frames that are missing from here on */
  #missingRun(most) {
    const ring = this.#ring;
    if (ring.inGap(this.position)) return Math.min(most, (ring.gapEnd - this.position) | 0);
    this.isDry = true;
    this.brokeOffAt = this.position;
    return most;
  }

  /** @param {number} frames */
  #pullReal(frames) {
    if (!this.#isAudible) this.#fadeFromGuess();
    this.#isAudible = true;
    this.#ring.read(this.position, this.left, this.right, this.end, frames);
    this.hearing.hear(this.left, this.right, this.end, frames);
    if (this.#faded < this.#gains.length) this.#crossfade(Math.min(frames, this.#gains.length - this.#faded));
    this.#put(frames);
    this.hearing.judge(this.#concealer.share, this.isSilent, frames);
  }

  /** @param {number} frames */
  #pullMissing(frames) {
    if (this.#isAudible) this.#concealer.begin();
    this.#isAudible = false;
    this.#faded = this.#gains.length;
    this.#concealer.predict(this.left, this.right, this.end, frames);
    this.missingFrames += frames;
    this.hearing.miss(frames);
    this.#put(frames);
  }

  /** @param {number} frames that were written behind the buffer's end */
  #put(frames) {
    this.#concealer.remember(this.left, this.right, this.end, frames);
    this.#silence.observe(this.left, this.right, this.end, frames);
    this.end += frames;
    this.position = (this.position + frames) | 0;
  }

  /** After silence the sound fades in within 10 ms; after a guess it takes less, by the law that suits the quality of the guess. */
  #fadeFromGuess() {
    const { silent, law } = this.#concealer;
    this.#gains = /** @type {Float32Array} */ (silent ? OVERLAP[INDEPENDENT] : RE_ENTRY[law]);
    this.#faded = 0;
    this.#isGuessOutgoing = true;
  }

  /** Mixes the sound that fades out into the frames just read. @param {number} frames */
  #crossfade(frames) {
    const gains = this.#gains;
    const last = gains.length - 1;
    if (this.#isGuessOutgoing) this.#concealer.predict(this.#outgoingLeft, this.#outgoingRight, 0, frames);
    else this.#ring.read((this.position + this.#outgoingOffset) | 0, this.#outgoingLeft, this.#outgoingRight, 0, frames);
    for (let frame = 0; frame < frames; frame += 1) {
      const rise = /** @type {number} */ (gains[this.#faded]);
      const fall = /** @type {number} */ (gains[last - this.#faded]);
      const at = this.end + frame;
      this.left[at] = /** @type {number} */ (this.left[at]) * rise + /** @type {number} */ (this.#outgoingLeft[frame]) * fall;
      this.right[at] = /** @type {number} */ (this.right[at]) * rise + /** @type {number} */ (this.#outgoingRight[frame]) * fall;
      this.#faded += 1;
    }
  }

  /**
   * Steps to a place near the desired one where the sound fits. Only while settled.
   *
   * @param {number} wished frames to skip; negative: to go back @param {number} needed frames that must exist behind the new
   *   place
   * @returns {number} skipped frames, 0 if there is no room for the step
   */
  splice(wished, needed) {
    const ring = this.#ring;
    const room = ring.level((this.position + wished) | 0) - needed;
    const before = (this.position + wished - OVERLAP_FRAMES - SEARCH_REACH_FRAMES - ring.epochStart) | 0;
    if (room < -SPLICE_MISS_FRAMES || before < 0) return 0;
    const fits = this.isSilent ? Math.min(0, room) : this.#fit(wished, Math.min(SPLICE_MISS_FRAMES, room));
    this.#beginSplice(wished + fits);
    return wished + fits;
  }

  /** Steps at once, even if the sound does not fit. @param {number} skip */
  jump(skip) {
    if (this.#isAudible) {
      this.#concealer.begin();
      this.#fadeFromGuess();
    }
    this.position = (this.position + skip) | 0;
  }

  /**
   * Finds where the sound before the new place resembles the sound before this one. It compares earlier sound, because that
   * has arrived in any case.
   *
   * @param {number} wished @param {number} most @returns {number} frames to add to the desired step
   */
  #fit(wished, most) {
    const search = this.#search;
    const past = (this.position - OVERLAP_FRAMES) | 0;
    this.#ring.read(past, search.outgoingLeft, search.outgoingRight, 0, OVERLAP_FRAMES);
    this.#ring.read((past + wished - SEARCH_REACH_FRAMES) | 0, search.incomingLeft, search.incomingRight, 0, REGION_FRAMES);
    search.find(Math.min(-SPLICE_MISS_FRAMES, most), most);
    this.#gains = /** @type {Float32Array} */ (OVERLAP[search.law]);
    return search.offsetFrames;
  }

  /** @param {number} skip */
  #beginSplice(skip) {
    if (this.isSilent) this.#gains = /** @type {Float32Array} */ (OVERLAP[INDEPENDENT]);
    this.#ring.seekGap(this.position);
    const ahead = this.#ring.hasGap ? (this.#ring.gapStart - this.position) | 0 : OVERLAP_FRAMES;
    this.#isGuessOutgoing = Math.min(ahead, this.#ring.level(this.position)) < OVERLAP_FRAMES;
    if (this.#isGuessOutgoing) this.#concealer.begin();
    this.#outgoingOffset = -skip;
    this.position = (this.position + skip) | 0;
    this.#faded = 0;
  }
}
