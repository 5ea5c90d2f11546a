/** Tests how the target follows from the required leads. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODE } from '../../web/core/playout/controls.js';
import { LeadTarget } from '../../web/core/playout/target.js';
import { framesOf, msOf } from '../../web/core/units.js';

const BLOCK = 118;

/** @param {(ms: number) => number} requiredMs @param {number} seconds @param {{mode?: number, fixedMs?: number}} [chosen] */
function learned(requiredMs, seconds, { mode = MODE.AUTO, fixedMs = 0 } = {}) {
  const target = new LeadTarget();
  target.choose(mode, framesOf(fixedMs));
  for (let frames = 0; msOf(frames) < seconds * 1000; frames += BLOCK) {
    target.observe(framesOf(requiredMs(msOf(frames))), BLOCK);
    target.relax(false, false, BLOCK);
  }
  return target;
}

/** Required leads during periodic stalls of this length: everything missing arrives at the end of a stall. */
const stalls = (/** @type {number} */ everyMs, /** @type {number} */ lengthMs) => (/** @type {number} */ ms) => {
  const since = (ms % everyMs) - everyMs / 2;
  return since > 0 && since < lengthMs ? 6 + since : 6;
};

test('a calm network costs what it requires and a little', () => {
  const leadMs = msOf(learned(() => 6, 240).frames);
  assert.ok(leadMs >= 6 && leadMs < 7.5, `${leadMs} ms`);
});

test('what comes every three seconds is covered, a single stall is not', () => {
  const oftenMs = msOf(learned(stalls(3000, 100), 60).frames);
  assert.ok(oftenMs > 100 && oftenMs < 140, `${oftenMs} ms`);
  for (const lengthMs of [200, 1000, 5000]) {
    const onceMs = msOf(learned((ms) => (ms > 60_000 && ms < 60_000 + lengthMs ? ms - 60_000 : 6), 100).frames);
    assert.ok(onceMs < 8, `${onceMs} ms after a stall of ${lengthMs} ms`);
  }
});

test('the first stall of a day is one of the first minutes', () => {
  const [early, late] = [3600, 20 * 3600].map((seconds) => {
    const target = new LeadTarget();
    for (let frames = 0; msOf(frames) < seconds * 1000; frames += framesOf(100)) target.observe(framesOf(6), framesOf(100));
    for (const ms of [25, 28, 31]) target.observe(framesOf(ms), BLOCK);
    for (let at = 0; at < 10; at += 1) target.observe(framesOf(6), BLOCK);
    return target.frames;
  });
  assert.equal(late, early);
  assert.ok(late !== undefined && late > framesOf(25), `${late} frames`);
});

test('what no longer comes is forgotten', () => {
  const leadMs = msOf(learned((ms) => (ms < 20_000 ? stalls(2000, 60)(ms) : 6), 1500).frames);
  assert.ok(leadMs < 10, `${leadMs} ms`);
});

test('the modes are three prices of one law; a fixed lead is what it is', () => {
  const [lowest, auto, safest] = [MODE.LOWEST, MODE.AUTO, MODE.SAFEST].map((mode) => learned(stalls(12_000, 80), 120, { mode }).frames);
  assert.ok(lowest !== undefined && auto !== undefined && safest !== undefined);
  assert.ok(lowest < auto && auto < safest, `${lowest} ${auto} ${safest}`);
  assert.equal(learned(stalls(3000, 100), 10, { mode: MODE.FIXED, fixedMs: 33 }).frames, framesOf(33));
});

test('a network slower by 40 ms takes the target nowhere: what seemed late was that', () => {
  const target = learned((ms) => (ms < 60_000 ? 6 : 46), 62);
  target.shift(-framesOf(40));
  for (let at = 0; at < 40_000; at += 1) {
    target.observe(framesOf(6), BLOCK);
    target.relax(false, false, BLOCK);
  }
  assert.ok(msOf(target.frames) < 12, `${msOf(target.frames)} ms`);
});
