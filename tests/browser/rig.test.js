/** Tests of the test rig itself: each judge must also be able to reject. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { exactFrames, exactRuns } from './rig/alignment.js';
import { EXACT } from './rig/exact.js';
import { Sound } from './rig/recording.js';
import { breaks, ReportLog } from './rig/verdict.js';

const FRAMES = 44_100;

/** @param {(frame: number) => number} indexOf the source frame that is heard at each recorded frame, NaN for silence */
function noise(indexOf) {
  const samples = new Float32Array(FRAMES * 2);
  for (let frame = 0; frame < FRAMES; frame += 1) {
    const index = indexOf(frame);
    for (const side of [0, 1]) samples[2 * frame + side] = Number.isNaN(index) ? 0 : EXACT.noise(index, side) / 32768;
  }
  return new Sound(samples, 0);
}

/** @param {Sound} sound */
const runsOf = (sound) => exactRuns(sound, EXACT.noise, { from: 0, to: 20_000 });

test('the known sound is computed as the service computes it', () => {
  // src/source/tone.rs contains the same checksum.
  let checksum = 0;
  for (let frame = 0; frame < 50_000; frame += 1) {
    for (let channel = 0; channel < 8; channel += 1) {
      checksum = (Math.imul(checksum, 31) + EXACT.noise(frame, channel) + EXACT.music(frame, channel)) | 0;
    }
  }
  assert.equal(checksum >>> 0, 152_395_066);
});

test('a perfect recording is one run from its first frame to its last', () => {
  assert.deepEqual(runsOf(noise((frame) => frame + 12_345)), [{ first: 0, end: FRAMES, index: 12_345 }]);
});

test('a lost frame, a doubled frame, a gap and a changed bit are each seen where they are', () => {
  for (const [what, indexOf, shift] of /** @type {const} */ ([
    ['lost', (/** @type {number} */ n) => (n < 20_001 ? n : n + 1), 1],
    ['doubled', (/** @type {number} */ n) => (n <= 20_000 ? n : n - 1), -1],
    ['gap', (/** @type {number} */ n) => (n > 20_000 && n < 21_000 ? NaN : n), 0],
  ])) {
    const sound = noise(indexOf);
    const found = breaks(sound, runsOf(sound), { watchdog: { excuses: () => false }, log: new ReportLog(), starvedNs: [] });
    assert.equal(found.length, 1, what);
    assert.deepEqual([found[0]?.shift, found[0]?.excuse, Math.round((found[0]?.atS ?? 0) * 44_100)], [shift, null, 20_001], what);
  }
  const sound = noise((frame) => frame);
  sound.samples[2 * 30_000 + 1] += 1 / 32768;
  assert.equal(exactFrames(runsOf(sound)), FRAMES - 1);
});

test('swapped channels, another gain and half a sample of shift are not the sound', () => {
  const swapped = noise((frame) => frame);
  for (let at = 0; at < swapped.samples.length; at += 2) swapped.samples.subarray(at, at + 2).reverse();
  const quieter = noise((frame) => frame);
  quieter.samples.forEach((sample, at) => { quieter.samples[at] = sample * 0.999; });
  const between = noise((frame) => frame);
  between.samples.forEach((sample, at) => { between.samples[at] = (sample + (between.samples[at + 2] ?? 0)) / 2; });
  for (const sound of [swapped, quieter, between]) assert.equal(exactFrames(runsOf(sound)), 0);
});

test('report() excuses one break per event, and only near it', () => {
  const sound = noise((frame) => (frame > 10_000 && frame < 10_500) || (frame > 30_000 && frame < 30_500) ? NaN : frame);
  const log = new ReportLog();
  const quiet = { glitches: { network_late: 0 }, trims: 0, inserts: 0, jumps: 0 };
  log.add(0, quiet);
  log.add(0.4e9, { ...quiet, glitches: { network_late: 1 } });
  log.add(3e9, { ...quiet, glitches: { network_late: 1 } });
  const found = breaks(sound, runsOf(sound), { watchdog: { excuses: () => false }, log, starvedNs: [] });
  assert.deepEqual(found.map(({ excuse }) => excuse), ['named', null]);
  const frozen = breaks(sound, runsOf(sound), { watchdog: { excuses: () => true }, log: new ReportLog(), starvedNs: [] });
  assert.deepEqual(frozen.map(({ excuse }) => excuse), ['machine', 'machine']);
});

test('the sound server is blamed only for hard silence that loses nothing', () => {
  const starvedNs = [30_500, 20_500].map((frame) => (frame * 1e9) / 44_100);
  const judged = (/** @type {Sound} */ sound) => (
    breaks(sound, runsOf(sound), { watchdog: { excuses: () => false }, log: new ReportLog(), starvedNs }).map(({ excuse }) => excuse));
  const inserted = (/** @type {number} */ n) => (n < 20_000 ? n : n < 20_500 ? NaN : n - 500);
  assert.deepEqual(judged(noise(inserted)), ['starved']);
  assert.deepEqual(judged(noise((n) => (n > 20_000 && n < 20_500 ? NaN : n))), ['doubtful']);
  const faded = noise(inserted);
  faded.samples[2 * 20_001] = 0.25;
  assert.deepEqual(judged(faded), ['doubtful']);
});
