/** The feed delivers frames of the stream without a break, whatever is missing and wherever the reader steps. */

import { GUESS_FRAMES, OVERLAP_FRAMES, RE_ENTRY_FRAMES } from '../../web/core/sound/constants.js';
import { CAPACITY_FRAMES } from '../../web/core/playout/constants.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Feed } from '../../web/core/playout/feed.js';
import { RING_BYTES, RingReader, RingWriter } from '../../web/core/playout/ring.js';
import { addressed, addressOf, smooth } from './sim/records.js';

const MS = 44.1;
/** The smooth signal's own largest step is 0.0231; in a crossfade of two sounds, the slope of the gains is added. */
const STEP_MAX = 1.6 * 0.0231;
/** The first frame's index. */
const START = 2 ** 31 - 20_000;

/** @typedef {(frame: number) => [number, number]} Signal */
/** @type {Signal} */
const silence = () => [0, 0];

/** A ring, a feed on it, and all frames pulled so far. */
class Bench {
  ring = new RingWriter(new ArrayBuffer(RING_BYTES));
  reader;
  feed;
  /** Frames of the stream written so far, counted from START. */
  written = 0;
  /** @type {number[]} */
  left = [];
  /** @type {number[]} */
  right = [];
  #signal;

  /** @param {Signal} signal takes the frame counted from START */
  constructor(signal) {
    const memory = new ArrayBuffer(RING_BYTES);
    this.ring = new RingWriter(memory);
    this.reader = new RingReader(memory);
    this.feed = new Feed(this.reader);
    this.#signal = signal;
    this.ring.restart(START | 0);
    this.reader.look();
    this.feed.position = START | 0;
  }

  /** @param {number} frames @param {Signal} [signal] */
  write(frames, signal = this.#signal) {
    for (let rest = frames; rest > 0;) {
      const run = Math.min(rest, 1024);
      const samples = new Float32Array(run * 2);
      for (let frame = 0; frame < run; frame += 1) samples.set(signal(this.written + frame).map((sample) => sample / 32_768), 2 * frame);
      this.ring.audio((START + this.written) | 0, samples, run);
      this.written += run;
      rest -= run;
    }
    this.reader.look();
  }

  /** @param {number} frames */
  gap(frames) {
    this.ring.gap((START + this.written) | 0, frames, 1);
    this.written += frames;
    this.reader.look();
  }

  /** @param {number} frames @param {boolean} [isMuted] @returns {{dry: boolean, missing: number}} summed over all pulls */
  pull(frames, isMuted = false) {
    let dry = false;
    let missing = 0;
    for (let rest = frames; rest > 0; rest -= 128) {
      this.feed.pull(Math.min(128, rest), isMuted);
      dry ||= this.feed.isDry;
      missing += this.feed.missingFrames;
      this.left.push(...this.feed.left.subarray(0, this.feed.end));
      this.right.push(...this.feed.right.subarray(0, this.feed.end));
      this.feed.discard(this.feed.end);
    }
    return { dry, missing };
  }

  /** @returns {number} the frame that is pulled next, counted from START */
  get position() {
    return (this.feed.position - START) | 0;
  }

  /** @param {number} frame of the pulled sound @returns {number} which frame of an addressed signal it is exactly */
  addressAt(frame) {
    return addressOf(/** @type {number} */ (this.left[frame]), /** @type {number} */ (this.right[frame]));
  }

  /** @param {number} from @param {number} to frames of the pulled sound @param {number} at the stream frame at `from` */
  assertExact(from, to, at) {
    for (let frame = from; frame < to; frame += 1) assert.equal(this.addressAt(frame), at + frame - from, `frame ${frame} of what was pulled`);
  }

  /** @returns {number} */
  get largestStep() {
    return this.left.reduce((most, sample, frame) => (frame === 0 ? 0 : Math.max(most, Math.abs(sample - /** @type {number} */ (this.left[frame - 1])))), 0);
  }
}

/** @param {Signal} signal @param {number} [ahead] frames @returns {Bench} amid sound, with 20,000 frames pulled */
function sounding(signal, ahead = 4000) {
  const bench = new Bench(signal);
  bench.write(20_000 + ahead);
  bench.pull(20_000);
  return bench;
}

test('sound comes in within a fade, then exactly as it was sent', () => {
  const bench = new Bench(addressed);
  bench.write(2000);
  assert.deepEqual(bench.pull(1280, true), { dry: false, missing: 1280 });
  assert.ok(bench.left.every((sample) => sample === 0) && !bench.feed.isAudible);
  bench.pull(600);
  assert.ok(bench.feed.isAudible && bench.feed.isSettled);
  bench.assertExact(1280 + OVERLAP_FRAMES, 1880, 1280 + OVERLAP_FRAMES);
});

test('a declared gap is guessed over, and sound is back at its true place', () => {
  for (const frames of [1, 64, 300, 3000]) {
    const bench = sounding(addressed, 1000);
    bench.gap(frames);
    bench.write(4000);
    const { dry, missing } = bench.pull(1000 + frames + 1000);
    assert.deepEqual({ dry, missing }, { dry: false, missing: frames });
    bench.assertExact(20_000, 21_000, 20_000);
    const back = 21_000 + frames;
    const fade = frames > GUESS_FRAMES ? OVERLAP_FRAMES : RE_ENTRY_FRAMES;
    bench.assertExact(back + fade, back + 1000, back + fade);
    const smoothly = sounding(smooth, 1000);
    smoothly.gap(frames);
    smoothly.write(4000);
    smoothly.pull(1000 + frames + 1000);
    assert.ok(smoothly.largestStep < STEP_MAX, `a gap of ${frames}: a step of ${smoothly.largestStep}`);
  }
});

test('frames that have not come yet are guessed, then silence; time goes on', () => {
  const bench = sounding(smooth, 1000);
  const { dry, missing } = bench.pull(3000);
  assert.deepEqual({ dry, missing }, { dry: true, missing: 2000 });
  assert.equal(bench.position, 23_000);
  assert.equal(bench.feed.isAudible, false);
  assert.ok(bench.left.slice(21_000, 21_200).some((sample) => Math.abs(sample) > 0.3), 'the guess is loud at first');
  assert.ok(bench.left.slice(21_000 + GUESS_FRAMES).every((sample) => sample === 0));
  bench.write(6000);
  bench.pull(1000);
  assert.ok(bench.largestStep < STEP_MAX);
  assert.ok(Math.abs(/** @type {number} */ (bench.left[23_900]) - smooth(23_900)[0] / 32_768) < 1e-6, 'at its true place');
});

test('where the sound broke off is known to the frame', () => {
  const bench = sounding(addressed, 100);
  bench.pull(128);
  assert.ok(bench.feed.isDry);
  assert.equal((bench.feed.brokeOffAt - START) | 0, 20_100);
});

test('a gap within the crossfade back from another is one more gap', () => {
  const bench = sounding(smooth, 1000);
  for (let gaps = 0; gaps < 12; gaps += 1) {
    bench.gap(100);
    bench.write(50);
  }
  bench.write(2000);
  assert.equal(bench.pull(1000 + 12 * 150 + 1000).missing, 1200);
  assert.ok(bench.largestStep < STEP_MAX, `${bench.largestStep}`);
});

for (const wished of [2000, 300, -300, -2000]) {
  test(`a step of ${wished} frames lands near there, where the sound fits`, () => {
    const bench = sounding(addressed, 6000);
    const skipped = bench.feed.splice(wished, 500);
    assert.ok(Math.abs(skipped - wished) <= 4.5 * MS && skipped !== 0, `${skipped}`);
    assert.equal(bench.position, 20_000 + skipped);
    assert.equal(bench.feed.isSettled, false);
    bench.pull(1280);
    assert.equal(bench.feed.isSettled, true);
    bench.assertExact(20_000 + OVERLAP_FRAMES, 21_280, 20_000 + skipped + OVERLAP_FRAMES);
    const smoothly = sounding(smooth, 6000);
    smoothly.feed.splice(wished, 500);
    smoothly.pull(1280);
    assert.ok(smoothly.largestStep < 1.15 * 0.0231, `${smoothly.largestStep}`);
  });
}

test('where what comes next has not arrived the old sound is guessed while the new one comes in', () => {
  const bench = sounding(smooth, 50);
  const skipped = bench.feed.splice(-1000, 500);
  assert.ok(skipped < -700);
  bench.pull(1000);
  assert.ok(bench.largestStep < STEP_MAX);
});

test('with too little room, on either side, there is no step', () => {
  const bench = sounding(addressed, 2000);
  assert.equal(bench.feed.splice(1900, 500), 0, 'not enough would be left in hand');
  assert.equal(bench.feed.splice(-20_000, 0), 0, 'the timeline does not reach back so far');
  assert.equal(bench.position, 20_000);
  bench.pull(500);
  bench.assertExact(20_000, 20_500, 20_000);
});

test('a step keeps what is needed in hand', () => {
  const bench = sounding(addressed, 2000);
  const skipped = bench.feed.splice(1600, 500);
  assert.ok(skipped > 0 && 2000 - skipped >= 500, `${skipped}`);
});

test('in silence the step is a cut, as far as was wished', () => {
  const bench = sounding(silence, 6000);
  assert.ok(bench.feed.isSilent);
  assert.equal(bench.feed.splice(1234, 100), 1234);
  assert.equal(bench.feed.splice(-777, 100), -777);
});

test('a jump takes the sound along without a step, even where nothing is', () => {
  const bench = sounding(smooth, 6000);
  bench.feed.jump(3000);
  bench.pull(1000);
  assert.equal(bench.position, 24_000);
  bench.feed.jump(30_000);
  bench.pull(1000);
  assert.equal(bench.feed.isAudible, false);
  bench.write(40_000);
  bench.pull(2000);
  assert.ok(bench.feed.isSettled && bench.largestStep < STEP_MAX, `${bench.largestStep}`);
  assert.ok(Math.abs(/** @type {number} */ (bench.left.at(-1)) - smooth(bench.position - 1)[0] / 32_768) < 1e-6);
});

test('a gap that was passed is a gap for who steps back, too', () => {
  const bench = sounding(addressed, 1000);
  bench.gap(400);
  bench.write(6000);
  bench.pull(3000);
  bench.feed.jump(-2500);
  const { missing } = bench.pull(2000);
  assert.equal(missing, 400);
});

test('frames that were overwritten are not there', () => {
  const bench = sounding(addressed, 1000);
  for (let rest = CAPACITY_FRAMES; rest > 0; rest -= 1024) bench.write(1024);
  const { dry, missing } = bench.pull(128);
  assert.deepEqual({ dry, missing }, { dry: true, missing: 128 });
});
