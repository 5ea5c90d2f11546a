/** Tests how the target follows from the required leads. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODE } from '../../web/core/playout/controls.js';
import { Rise } from '../../web/core/playout/rise.js';
import { LeadTarget } from '../../web/core/playout/target.js';
import { SHARE_ONE } from '../../web/core/sound/constants.js';
import { framesOf, msOf } from '../../web/core/units.js';
import { randomFrom } from './sim/random.js';

const BLOCK = 118;
/** Of a sound, a guess gets a seventh of the energy wrong: about the mean of the committed excerpts. */
const SHARE = Math.round(0.15 * SHARE_ONE);

/** @param {(ms: number) => number} requiredMs @param {number} seconds @param {{mode?: number, fixedMs?: number, share?: number}} [chosen] */
function learned(requiredMs, seconds, { mode = MODE.AUTO, fixedMs = 0, share = SHARE } = {}) {
  const target = new LeadTarget();
  target.choose(mode, framesOf(fixedMs));
  for (let frames = 0; msOf(frames) < seconds * 1000; frames += BLOCK) {
    target.observe(framesOf(requiredMs(msOf(frames))), BLOCK, share);
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
    for (let frames = 0; msOf(frames) < seconds * 1000; frames += framesOf(100)) target.observe(framesOf(6), framesOf(100), SHARE);
    for (let ms = 12; ms < 72; ms += msOf(BLOCK)) target.observe(framesOf(ms), BLOCK, SHARE);
    for (let at = 0; at < 10; at += 1) target.observe(framesOf(6), BLOCK, SHARE);
    return target.frames;
  });
  assert.equal(late, early);
  assert.ok(late !== undefined && late > framesOf(50), `${late} frames`);
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
    target.observe(framesOf(6), BLOCK, SHARE);
    target.relax(false, false, BLOCK);
  }
  assert.ok(msOf(target.frames) < 12, `${msOf(target.frames)} ms`);
});

/** Required leads on a cable, and 2.7 ms more in one block of every minute. */
const hidden = (/** @type {number} */ ms) => (ms % 60_000 > 30_000 && ms % 60_000 < 30_000 + msOf(BLOCK) ? 8.7 : 6);

test('a miss that nobody hears buys no delay', () => {
  const leadMs = msOf(learned(hidden, 600).frames);
  assert.ok(leadMs < 7.5, `${leadMs} ms`);
});

test('what is missing counts by what is heard: the same lateness costs more delay where a guess is wrong', () => {
  const late = (/** @type {number} */ ms) => (ms % 10_000 > 5000 && ms % 10_000 < 5015 ? 6 + (ms % 10_000) - 5000 : 6);
  const [tone, noise] = [0, SHARE_ONE].map((share) => msOf(learned(late, 120, { share }).frames));
  assert.ok(tone !== undefined && noise !== undefined && tone < 16 && noise > 20, `${tone} and ${noise} ms`);
});

for (const mode of [MODE.LOWEST, MODE.AUTO, MODE.SAFEST]) {
  test(`at most one per cent of the time is missing, in mode ${mode}, on a network that is late all the time`, () => {
    const random = randomFrom(5);
    const target = new LeadTarget();
    target.choose(mode, 0);
    let missing = 0;
    let frames = 0;
    let isLate = false;
    // Blocks that are late by a power law, and a network that holds back all that follows.
    for (let heldMs = 0; msOf(frames) < 300_000; frames += BLOCK) {
      heldMs = Math.max(6 + 2 * ((1 - random()) ** (-1 / 2.5) - 1), heldMs - msOf(BLOCK));
      const required = framesOf(heldMs);
      if (required > target.frames) missing += isLate ? BLOCK : Math.min(BLOCK, required - target.frames);
      isLate = required > target.frames;
      target.observe(required, BLOCK, SHARE);
      target.relax(false, false, BLOCK);
    }
    assert.ok(missing / frames < 0.01, `${((100 * missing) / frames).toFixed(2)} %`);
  });
}

test('the start is forgotten: what was late in the first seconds is no lesson after twenty', () => {
  const target = learned((ms) => (ms < 4000 && ms % 500 < 60 ? 6 + (ms % 500) : 6), 20);
  assert.ok(msOf(target.frames) < 9, `${msOf(target.frames)} ms`);
});

/** A queue that fills by 10 ms every second for ten seconds, stays full for five, and empties. */
const filling = (/** @type {number} */ ms) => 6 + (ms < 30_000 || ms > 45_000 ? 0 : Math.min(100, (ms - 30_000) / 100));

test('a delay that rises is foreseen: two steps, and nothing missing', () => {
  const target = new LeadTarget();
  const steps = [];
  let late = 0;
  for (let frames = 0; msOf(frames) < 45_000; frames += BLOCK) {
    const required = framesOf(filling(msOf(frames)));
    const before = target.frames;
    if (required > before) late += 1;
    target.observe(required, BLOCK, SHARE);
    target.relax(false, false, BLOCK);
    if (target.frames - before > framesOf(5)) steps.push(Math.round(msOf(frames)));
  }
  assert.ok(steps.length <= 2, `steps at ${steps} ms`);
  assert.equal(late, 0);
});

test('what was foreseen is given back within 20 s after the rise is over', () => {
  assert.ok(msOf(learned(filling, 65).frames) < 9, `${msOf(learned(filling, 65).frames)} ms`);
});

test('jitter that wanders is no rise, and neither is a stall', () => {
  for (const wandering of [(/** @type {number} */ ms) => 30 + 20 * Math.sin(ms / 300), stalls(20_000, 400)]) {
    const rise = new Rise(44_100);
    let before = 0;
    for (let ms = 0; ms < 60_000; ms += 100) {
      const required = Array.from({ length: 37 }, (_, block) => framesOf(wandering(ms + block * msOf(BLOCK))));
      rise.observe(Math.min(...required), before);
      before = Math.max(before, ...required);
      assert.equal(rise.foreseen, 0, `after ${ms} ms`);
    }
  }
});
