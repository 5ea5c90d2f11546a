/** How audible missing frames are: the measure, and the ears of the product. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LateCost } from '../../web/core/playout/late_cost.js';
import { addInterruptions, wrongFrames } from '../../web/core/sound/audibility.js';
import { Concealer } from '../../web/core/sound/concealment.js';
import { SHARE_ONE } from '../../web/core/sound/constants.js';
import { COUNT, Hearing, SUM } from '../../web/core/sound/hearing.js';
import { framesOf } from '../../web/core/units.js';
import { excerpt } from './sim/excerpts.js';
import { randomFrom } from './sim/random.js';

const BLOCK = 128;
/** @typedef {import('./sim/excerpts.js').Sound} Sound */

/** @param {number} ms in a row @param {number} share @returns {number} interruptions */
function costOf(ms, share) {
  const cost = new Float64Array(1);
  addInterruptions(cost, 0, 0, wrongFrames(framesOf(ms), share));
  return Number(cost[0]);
}

/** Plays a sound and then misses frames. @param {Sound} sound @param {number} missingMs @param {boolean} [isSilent] */
function listened(sound, missingMs, isSilent = false) {
  const concealer = new Concealer();
  const hearing = new Hearing();
  for (let at = 0; at + BLOCK <= sound.left.length; at += BLOCK) {
    hearing.hear(sound.left, sound.right, at, BLOCK);
    concealer.remember(sound.left, sound.right, at, BLOCK);
    concealer.prepare(BLOCK);
    hearing.judge(concealer.share, isSilent, BLOCK);
  }
  for (let missing = 0; missing < framesOf(missingMs); missing += BLOCK) hearing.miss(BLOCK);
  hearing.hear(sound.left, sound.right, 0, BLOCK);
  return hearing;
}

/** @param {(frame: number) => number} sample @returns {Sound} two seconds */
function made(sample) {
  const left = Float32Array.from({ length: framesOf(2000) }, (_, frame) => sample(frame));
  return { left, right: left };
}

const tone = made((frame) => 0.3 * Math.sin(frame * 0.05));
const noise = (() => {
  const random = randomFrom(3);
  return made(() => 0.3 * (random() - 0.5));
})();

test('30 ms that no guess covers are one interruption, and half a second more is another', () => {
  assert.ok(costOf(30, SHARE_ONE) > 0.95 && costOf(30, SHARE_ONE) < 1.05, `${costOf(30, SHARE_ONE)}`);
  assert.ok(Math.abs(costOf(600, SHARE_ONE) - costOf(100, SHARE_ONE) - 1) < 0.01);
});

test('a short error is masked: half of it costs much less than half', () => {
  assert.ok(costOf(10, SHARE_ONE) < 0.45 * costOf(20, SHARE_ONE));
  assert.ok(costOf(2.7, 26) < 0.005, 'a well hidden block costs nearly nothing');
});

test('the cost of a row is the same in one piece and block by block', () => {
  const cost = new Float64Array(2);
  let before = 0;
  for (let row = BLOCK; row <= 100 * BLOCK; row += BLOCK) {
    addInterruptions(cost, 0, wrongFrames(before, 100), wrongFrames(row, 100));
    before = row;
  }
  addInterruptions(cost, 1, 0, wrongFrames(before, 100));
  assert.ok(Math.abs(Number(cost[0]) - Number(cost[1])) < 1e-9);
});

test('a guess gets noise wrong and a tone right, and music between the two', () => {
  const [toneShare, noiseShare, pianoShare] = [tone, noise, excerpt('piano')].map((sound) => listened(sound, 0).usualShare / SHARE_ONE);
  assert.ok(Number(toneShare) < 0.1, `tone ${toneShare}`);
  assert.ok(Number(noiseShare) > 0.8, `noise ${noiseShare}`);
  assert.ok(Number(pianoShare) > Number(toneShare) && Number(pianoShare) < Number(noiseShare), `piano ${pianoShare}`);
});

test('8 ms of noise are heard, 8 ms of a tone are not, and nothing is heard in silence', () => {
  assert.ok(Number(listened(noise, 9).heard[COUNT]) === 1);
  assert.ok(Number(listened(tone, 9).heard[COUNT]) === 0);
  const silent = listened(noise, 200, true).heard;
  assert.deepEqual([...silent], [0, 0]);
});

test('an interruption of a sound 20 dB below the last seconds costs less than one of the loudest', () => {
  const falling = made((frame) => (frame < framesOf(1700) ? 0.3 : 0.03) * Math.sin(frame * frame));
  const steady = made((frame) => 0.3 * Math.sin(frame * frame));
  assert.ok(Number(listened(falling, 20).heard[SUM]) < 0.7 * Number(listened(steady, 20).heard[SUM]));
});

test('lateness in pieces does not merge: each begins anew, and a lead that is always late costs all the time', () => {
  const cost = new LateCost(Int32Array.of(framesOf(5), framesOf(500)), 44_100);
  for (let piece = 0; piece < 10; piece += 1) {
    for (let block = 0; block < 8; block += 1) cost.observe(framesOf(20), BLOCK, SHARE_ONE);
    cost.observe(framesOf(4), BLOCK, SHARE_ONE);
  }
  const pieces = Number(cost.interruptions[0]);
  assert.ok(pieces > 9 && pieces < 12, `${pieces}`);
  for (let block = 0; block < 3450; block += 1) cost.observe(framesOf(20), BLOCK, SHARE_ONE);
  assert.ok(Number(cost.interruptions[0]) - pieces > 19, 'ten seconds');
  assert.equal(cost.interruptions[1], 0);
});

test('a lead that is late all day never becomes cheap', () => {
  const cost = new LateCost(Int32Array.of(framesOf(5)), 44_100);
  for (let hours = 0; hours < 24; hours += 1) {
    const before = Number(cost.interruptions[0]);
    for (let seconds = 0; seconds < 3600; seconds += 1) cost.observe(framesOf(20), framesOf(1000), SHARE_ONE);
    const more = Number(cost.interruptions[0]) - before;
    assert.ok(more > 7190 && more < 7210, `${more} in hour ${hours}`);
  }
});

test('a stall of half a second and more is no missing share of the time; lateness of half a second is', () => {
  const leads = Int32Array.of(framesOf(5));
  const stalled = new LateCost(leads, 44_100);
  for (let required = 0; required < framesOf(900); required += BLOCK) stalled.observe(required, BLOCK, SHARE_ONE);
  stalled.observe(0, BLOCK, SHARE_ONE);
  assert.ok(Number(stalled.missing[0]) <= BLOCK, `${stalled.missing[0]} frames`);
  const late = new LateCost(leads, 44_100);
  for (let frames = 0; frames < framesOf(900); frames += BLOCK) late.observe(framesOf(8), BLOCK, SHARE_ONE);
  assert.ok(Number(late.missing[0]) > framesOf(850), `${late.missing[0]} frames`);
});
