/** Splices: the search finds the place that fits best, and the change there is inaudible. */

import { LAW_SAME, OVERLAP_FRAMES, SEARCH_REACH_FRAMES } from '../../web/core/sound/constants.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OVERLAP, REGION_FRAMES, SilenceDetector, SpliceSearch } from '../../web/core/sound/splice.js';
import { framesOf } from '../../web/core/units.js';
import { excerpt, EXCERPTS, largestStep } from './sim/excerpts.js';
import { randomFrom, SEED } from './sim/random.js';

/** @typedef {import('./sim/excerpts.js').Sound} Sound */

/** Rounding error of the largest step. */
const MARGIN = 1.001;

/** @param {SpliceSearch} search @param {Sound} sound @param {number} from start of the outgoing sound @param {number} to the intended place */
function look(search, sound, from, to) {
  search.outgoingLeft.set(sound.left.subarray(from, from + OVERLAP_FRAMES));
  search.outgoingRight.set(sound.right.subarray(from, from + OVERLAP_FRAMES));
  search.incomingLeft.set(sound.left.subarray(to - SEARCH_REACH_FRAMES, to - SEARCH_REACH_FRAMES + REGION_FRAMES));
  search.incomingRight.set(sound.right.subarray(to - SEARCH_REACH_FRAMES, to - SEARCH_REACH_FRAMES + REGION_FRAMES));
  search.find(-SEARCH_REACH_FRAMES, SEARCH_REACH_FRAMES);
}

/** @param {Sound} sound @param {number} from @param {number} to @returns {number} normalised correlation of the mid channels over the overlap */
function correlation(sound, from, to) {
  let [product, one, other] = [0, 0, 0];
  for (let frame = 0; frame < OVERLAP_FRAMES; frame += 1) {
    const a = Number(sound.left[from + frame]) + Number(sound.right[from + frame]);
    const b = Number(sound.left[to + frame]) + Number(sound.right[to + frame]);
    product += a * b;
    one += a * a;
    other += b * b;
  }
  return product / Math.sqrt(one * other);
}

/** @param {Sound} sound @param {number} from @param {number} to @returns {number} the best of all offsets */
function bestCorrelation(sound, from, to) {
  let best = -1;
  for (let offset = -SEARCH_REACH_FRAMES; offset <= SEARCH_REACH_FRAMES; offset += 1) best = Math.max(best, correlation(sound, from, to + offset));
  return best;
}

/** @param {Sound} sound @param {number} from @param {number} to @param {number} law @returns {Sound} 20 ms around the overlap */
function spliced(sound, from, to, law) {
  const rise = /** @type {Float32Array} */ (OVERLAP[law]);
  const side = (/** @type {Float32Array} */ samples) => Float32Array.from({ length: 3 * OVERLAP_FRAMES }, (_, frame) => {
    const step = frame - OVERLAP_FRAMES;
    const outgoing = Number(samples[from + step]);
    const incoming = Number(samples[to + step]);
    if (step < 0) return outgoing;
    return step < OVERLAP_FRAMES ? incoming * Number(rise[step]) + outgoing * Number(rise[OVERLAP_FRAMES - 1 - step]) : incoming;
  });
  return { left: side(sound.left), right: side(sound.right) };
}

/** @param {Sound} sound @param {number} from @param {number} frames @returns {number} */
function power({ left, right }, from, frames) {
  let sum = 0;
  for (let frame = from; frame < from + frames; frame += 1) sum += Number(left[frame]) ** 2 + Number(right[frame]) ** 2;
  return sum / frames;
}

for (const name of EXCERPTS) {
  test(`${name}: nearly the best of all offsets is found, and a splice there makes no larger step (seed ${SEED})`, () => {
    const sound = excerpt(name);
    const random = randomFrom(SEED);
    const search = new SpliceSearch();
    const most = largestStep(sound) * MARGIN;
    let [found, wished, least] = [0, 0, 0];
    const places = 12;
    for (let count = 0; count < places; count += 1) {
      const from = 5000 + Math.floor(random() * (sound.left.length - 20_000));
      const to = from + framesOf(8 + random() * 40);
      look(search, sound, from, to);
      const best = bestCorrelation(sound, from, to);
      const here = Number(search.correlation[0]);
      assert.ok(Math.abs(here - correlation(sound, from, to + search.offsetFrames)) < 1e-4, 'the correlation is that of the offset');
      // If nothing fits well, the coarse search may miss a chance match in the treble.
      assert.ok(here > best - (best > 0.6 ? 0.05 : 0.15), `found ${here}, there is ${best}`);
      const out = spliced(sound, from, to + search.offsetFrames, search.law);
      assert.ok(largestStep(out) <= most, `a step of ${largestStep(out)}, the excerpt's largest is ${most}`);
      const around = Math.min(power(out, 0, OVERLAP_FRAMES), power(out, 2 * OVERLAP_FRAMES, OVERLAP_FRAMES));
      least += Math.log10(power(out, OVERLAP_FRAMES, OVERLAP_FRAMES) / around) / places;
      found += here / places;
      wished += correlation(sound, from, to) / places;
    }
    assert.ok(found > wished + 0.2, `found ${found}, wished for ${wished}`);
    assert.ok(10 * least > -1.5, `${10 * least} dB within the overlap`);
  });
}

test(`a copy is found to the frame (seed ${SEED})`, () => {
  const random = randomFrom(SEED);
  const search = new SpliceSearch();
  for (const offset of [-SEARCH_REACH_FRAMES, -401, -3, 0, 2, 137, SEARCH_REACH_FRAMES]) {
    const noise = () => random() - 0.5;
    search.incomingLeft.forEach((_, frame) => (search.incomingLeft[frame] = noise()));
    search.incomingRight.forEach((_, frame) => (search.incomingRight[frame] = noise()));
    const from = SEARCH_REACH_FRAMES + offset;
    search.outgoingLeft.set(search.incomingLeft.subarray(from, from + OVERLAP_FRAMES));
    search.outgoingRight.set(search.incomingRight.subarray(from, from + OVERLAP_FRAMES));
    search.find(-SEARCH_REACH_FRAMES, SEARCH_REACH_FRAMES);
    assert.equal(search.offsetFrames, offset);
    assert.ok(Number(search.correlation[0]) > 0.999);
    assert.equal(search.law, LAW_SAME);
  }
});

test('a tone is joined within its nearest period', () => {
  const tone = (/** @type {number} */ frame) => Math.sin((2 * Math.PI * 441 * frame) / 44_100); // a period is 100 frames
  const samples = Float32Array.from({ length: 8000 }, (_, frame) => tone(frame));
  const search = new SpliceSearch();
  look(search, { left: samples, right: samples }, 2000, 3030);
  assert.equal(search.offsetFrames, -30);
});

test('limits are kept, however narrow', () => {
  const samples = Float32Array.from({ length: 8000 }, (_, frame) => Math.sin(frame * 0.05));
  const search = new SpliceSearch();
  for (const [least, most] of /** @type {[number, number][]} */ ([[5, 5], [-529, -520], [-3, 2], [400, 529]])) {
    look(search, { left: samples, right: samples }, 2000, 3000);
    search.find(least, most);
    assert.ok(search.offsetFrames >= least && search.offsetFrames <= most, `${search.offsetFrames} in ${least} to ${most}`);
    assert.ok(Math.abs(Number(search.correlation[0])) <= 1.0001);
  }
});

test('silence fits silence where it was wished for, and never sound', () => {
  const search = new SpliceSearch();
  search.find(-SEARCH_REACH_FRAMES, SEARCH_REACH_FRAMES);
  assert.equal(search.offsetFrames, 0);
  assert.equal(search.correlation[0], 1);
  search.outgoingLeft.forEach((_, frame) => (search.outgoingLeft[frame] = Math.sin(frame * 0.1)));
  search.find(-SEARCH_REACH_FRAMES, SEARCH_REACH_FRAMES);
  assert.equal(search.correlation[0], 0);
  assert.equal(search.law, 0);
});

test('silence is 30 ms below -66 dBFS', () => {
  const detector = new SilenceDetector();
  const quiet = new Float32Array(framesOf(30)).fill(0.0004);
  const loud = new Float32Array(1).fill(-0.0006);
  assert.equal(detector.silent, false);
  detector.observe(quiet, quiet, 0, quiet.length - 1);
  assert.equal(detector.silent, false);
  detector.observe(quiet, quiet, 0, 1);
  assert.equal(detector.silent, true);
  detector.observe(quiet, loud, 0, 1);
  assert.equal(detector.silent, false);
  detector.observe(quiet, quiet, 0, quiet.length);
  assert.equal(detector.silent, true);
});
