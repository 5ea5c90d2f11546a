/**
 * The playout controller: how much sound to keep in hand, and when to move within the timeline.
 *
 * In: the headroom (frames left over after a block is read) of every block. Out: the target, and corrections in frames.
 * What belongs elsewhere: how a correction is made inaudible (playout.js). No clock is read: time is counted in frames.
 * The audio thread calls it: no method makes an object.
 *
 * The level is the lowest headroom of a fifth of a second, typically (median of two seconds). It is held at the target:
 * the floor plus the deepest dip below the level that was measured. A dip is met at once, and forgotten slowly, so the
 * delay rises only for a reason and always comes back; a stall nothing could have covered is not a reason.
 */

import { framesOf } from './units.js';

/** Headroom that the deepest dip should leave: below it the next one breaks the sound. */
const FLOOR_FRAMES = framesOf(2);
const TARGET_START_FRAMES = framesOf(4);
const TARGET_FRAMES_MAX = framesOf(120);
/** The most one event may add. A deeper dip must come again to be believed. */
const WIDEN_FRAMES_MAX = framesOf(20);
/** A later arrival than this is a stall: to cover it would cost more than it is worth. */
const STALL_FRAMES = framesOf(100);
/** The target may follow the measured dips this far without calling it an event. */
const EVENT_FRAMES = framesOf(2);
/** Within this time it is still the same event. */
const SAME_EVENT_FRAMES = framesOf(2000);
/** Target left alone after an event, doubled by every further event until there was none for the longest of these. */
const HOLD_FRAMES_MIN = framesOf(6000);
const HOLD_FRAMES_MAX = framesOf(120_000);
/** Share of the surplus forgotten per bucket: about 8 % a second, at least one frame. */
const DECAY_PER_BUCKET = 0.016;

/**
 * Below the target by so much: insert. Above by so much: trim. Between them nothing is touched, and the sound stays
 * exact. More apart than one packet of 128 frames: under drift the level moves in steps of a packet.
 */
const SLACK_LOW_FRAMES = framesOf(1.5);
const SLACK_HIGH_FRAMES = framesOf(4);
/** The first level after a placement is measured, not chosen: it is brought closer once. */
const SLACK_SETTLING_FRAMES = framesOf(1);
/** A backlog larger than this is dropped at once. */
const BACKLOG_FRAMES = framesOf(150);
/** A surplus that two buckets agree on is a heap left by a standstill, no jitter, and dropped without more evidence. */
const HEAP_FRAMES = framesOf(30);

const BUCKET_FRAMES = framesOf(200);
const BUCKETS = 10;
/** Evidence before anything is corrected: one second. */
const BUCKETS_MIN = 5;
/** No headroom is as high; as whole as all numbers here, for a fraction would be an object to the engine. */
const NO_HEADROOM = 0x3fff_ffff;

export class PlayoutController {
  /** Where the level is held. */
  targetFrames = TARGET_START_FRAMES;
  /** Lowest headroom, typical of the last two seconds; the target until that is known. */
  levelFrames = TARGET_START_FRAMES;
  /** How far the headroom moves within a bucket: the rhythm of packets and of the audio callback. */
  spreadFrames = 0;

  /** Lowest headroom per bucket, a circle; the newest is before #next. */
  #least = new Int32Array(BUCKETS);
  #sorted = new Int32Array(BUCKETS);
  #next = 0;
  #known = 0;
  #bucketFrames = 0;
  #bucketLeast = NO_HEADROOM;
  #bucketMost = -NO_HEADROOM;
  /** By how much a dip has just raised the target above the level. */
  #owedFrames = 0;
  /** The last headroom seen. */
  #headroom = 0;
  /** Placed a short while ago, and not moved since. */
  #settling = false;
  /** The target before the event that is being met: one event widens it once. */
  #eventTarget = TARGET_START_FRAMES;
  #quietFrames = HOLD_FRAMES_MAX;
  #holdFrames = HOLD_FRAMES_MIN;

  /** Before every block that is played. @param {number} headroomFrames @param {number} blockFrames */
  observe(headroomFrames, blockFrames) {
    this.#headroom = headroomFrames;
    if (headroomFrames < this.#bucketLeast) this.#bucketLeast = headroomFrames;
    if (headroomFrames > this.#bucketMost) this.#bucketMost = headroomFrames;
    this.#bucketFrames += blockFrames;
    if (this.#bucketFrames >= BUCKET_FRAMES) this.#closeBucket();
  }

  /**
   * What to do now: frames to skip (positive, a trim or a jump), frames to go back (negative, an insertion), or 0.
   * Whoever follows the advice says so with moved() or placed().
   *
   * @returns {number}
   */
  correctionFrames() {
    const backlog = this.#headroom - this.targetFrames - this.spreadFrames;
    if (backlog > BACKLOG_FRAMES) return backlog;
    if (this.#bucketFrames !== 0) return 0;
    const heap = this.#known < 2 ? 0 : Math.min(this.#newest(1), this.#newest(2)) - this.targetFrames;
    if (heap > HEAP_FRAMES) return heap;
    if (this.#known < BUCKETS_MIN) return 0;
    // A dip has just shown that more is needed: no more evidence is waited for.
    if (this.#owedFrames > SLACK_LOW_FRAMES) return -this.#owedFrames;
    // Jitter moves the median about; only when three quarters of the evidence agree has the level really moved.
    const quarter = this.#known >> 2;
    // What was there a second ago and is not any more cannot be trimmed.
    const above = Math.min(/** @type {number} */ (this.#sorted[quarter]), this.#newest(1), this.#headroom) - this.targetFrames;
    if (above > (this.#settling ? SLACK_SETTLING_FRAMES : SLACK_HIGH_FRAMES)) return above;
    const below = this.targetFrames - /** @type {number} */ (this.#sorted[this.#known - 1 - quarter]);
    // Under drift the level falls on: going back to above the target halves the number of insertions.
    return below > SLACK_LOW_FRAMES ? -(below + SLACK_LOW_FRAMES) : 0;
  }

  /** @returns {number} headroom with which a timeline that was interrupted is as good as it was before */
  get enoughFrames() {
    return Math.max(Math.min(this.levelFrames, this.targetFrames) - SLACK_LOW_FRAMES, FLOOR_FRAMES >> 1);
  }

  /** @param {number} correctionFrames @returns {boolean} a whole backlog is dropped: what was measured no longer holds */
  isJump(correctionFrames) {
    return correctionFrames > HEAP_FRAMES;
  }

  /** The reader moved within the same timeline: what was measured moves along. @param {number} skippedFrames negative: back */
  moved(skippedFrames) {
    for (let bucket = 0; bucket < this.#known; bucket += 1) {
      this.#least[bucket] = /** @type {number} */ (this.#least[bucket]) - skippedFrames;
    }
    this.levelFrames -= skippedFrames;
    this.#owedFrames = 0;
    this.#settling = false;
    this.#openBucket();
  }

  /** The reader was placed anew: what was measured before says nothing about the level. */
  placed() {
    this.#known = 0;
    this.#next = 0;
    this.levelFrames = this.targetFrames;
    this.spreadFrames = 0;
    this.#owedFrames = 0;
    this.#settling = true;
    this.#openBucket();
  }

  /** The sound broke off for frames that came so much later than they were needed. @param {number} lateFrames */
  late(lateFrames) {
    if (lateFrames > STALL_FRAMES) return;
    this.#widen(this.levelFrames + lateFrames + FLOOR_FRAMES);
  }

  /** @param {number} back 1: the newest bucket @returns {number} */
  #newest(back) {
    return /** @type {number} */ (this.#least[(this.#next + BUCKETS - back) % BUCKETS]);
  }

  #openBucket() {
    this.#bucketFrames = 0;
    this.#bucketLeast = NO_HEADROOM;
    this.#bucketMost = -NO_HEADROOM;
  }

  #closeBucket() {
    const least = this.#bucketLeast;
    const frames = this.#bucketFrames;
    this.spreadFrames = this.#bucketMost - least;
    this.#openBucket();
    // Against the level before it: a level that has risen since makes no dip of what was lower earlier.
    const dip = this.#known < BUCKETS_MIN ? 0 : this.levelFrames - least;
    this.#keep(least);
    this.#owedFrames = 0;
    if (this.#known < BUCKETS_MIN) return; // a median of less says nothing
    const wanted = Math.max(0, Math.min(dip, STALL_FRAMES)) + FLOOR_FRAMES;
    if (wanted > this.targetFrames) {
      this.#widen(wanted);
      this.#owedFrames = this.targetFrames - this.levelFrames;
    } else {
      this.#forget(wanted, frames);
    }
  }

  /** @param {number} leastFrames of a bucket */
  #keep(leastFrames) {
    this.#least[this.#next] = leastFrames;
    this.#next = (this.#next + 1) % BUCKETS;
    this.#settling &&= this.#known < BUCKETS;
    this.#known = Math.min(this.#known + 1, BUCKETS);
    if (this.#known < BUCKETS_MIN) return;
    this.#sort();
    this.levelFrames = /** @type {number} */ (this.#sorted[this.#known >> 1]);
  }

  /** @param {number} wantedFrames */
  #widen(wantedFrames) {
    if (this.#quietFrames > SAME_EVENT_FRAMES) this.#eventTarget = this.targetFrames;
    const target = Math.min(wantedFrames, this.#eventTarget + WIDEN_FRAMES_MAX, TARGET_FRAMES_MAX);
    if (target <= this.targetFrames) return;
    if (target - this.targetFrames >= EVENT_FRAMES) this.#rememberEvent();
    this.targetFrames = target;
  }

  /** What happens again and again is remembered for longer and longer. */
  #rememberEvent() {
    if (this.#quietFrames >= HOLD_FRAMES_MAX) this.#holdFrames = HOLD_FRAMES_MIN;
    else if (this.#quietFrames > SAME_EVENT_FRAMES) this.#holdFrames = Math.min(this.#holdFrames * 2, HOLD_FRAMES_MAX);
    this.#quietFrames = 0;
  }

  /** @param {number} wantedFrames @param {number} frames */
  #forget(wantedFrames, frames) {
    this.#quietFrames = Math.min(this.#quietFrames + frames, HOLD_FRAMES_MAX);
    if (this.#quietFrames < this.#holdFrames) return;
    this.targetFrames -= Math.ceil((this.targetFrames - wantedFrames) * DECAY_PER_BUCKET);
  }

  /** The known buckets into #sorted, least first. By hand: TypedArray.sort sorts all of it, and a comparator is a closure. */
  #sort() {
    const sorted = this.#sorted;
    for (let taken = 0; taken < this.#known; taken += 1) {
      const value = /** @type {number} */ (this.#least[taken]);
      let at = taken;
      while (at > 0 && /** @type {number} */ (sorted[at - 1]) > value) {
        sorted[at] = /** @type {number} */ (sorted[at - 1]);
        at -= 1;
      }
      sorted[at] = value;
    }
  }
}
