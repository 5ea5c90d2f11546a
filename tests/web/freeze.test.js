/** A short standstill: the delay soon returns to its former value, and one event costs its price once. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { Chain } from './sim/chain.js';

/** Chromium asks for four blocks at once. */
const BURST_FRAMES = 512;

/** @param {object} plan @param {number[]} lookAtMs @returns {number[]} the delay at those times */
function delays(plan, lookAtMs) {
  const chain = new Chain({ seconds: 30, burstFrames: BURST_FRAMES, ...plan });
  chain.run();
  return lookAtMs.map((ms) => chain.delayAt(ms));
}

test('frames that come ever later are waited for: the timeline is not placed in the middle of a stall', () => {
  const delayMs = (/** @type {number} */ t) => (t >= 5000 && t < 5160 ? 0.5 + (t - 5000) * 0.7 : 0.5);
  const [before = 0, soon = 0, later = 0] = delays({ delayMs, mode: 'lowest' }, [4900, 5500, 9000]);
  assert.ok(soon < before + 25 && later < before + 25, `${before} ms before, ${soon} ms soon after, ${later} ms later`);
});

test('a start in which frames come ever later is put right as soon as steps are taken', () => {
  const delayMs = (/** @type {number} */ t) => (t < 200 ? t * 0.6 + 1 : 1);
  const [soon = 0, later = 0] = delays({ delayMs }, [1200, 29_000]);
  assert.ok(soon < 140 && later < 25, `${soon} ms soon after, ${later} ms later`);
});

test('an audio thread that stood still for 96 ms leaves a heap, and it is gone within a second', () => {
  const asleep = (/** @type {number} */ n) => n >= 5000 && n < 5096;
  const [before = 0, soon = 0, later = 0] = delays({ asleep }, [4900, 6200, 9000]);
  assert.ok(Math.abs(soon - before) < 3 && Math.abs(later - before) < 3, `${before} ms before, ${soon} ms soon after, ${later} ms later`);
});

test('a network that becomes slower for good costs what it takes and its margin, not a margin for every measurement', () => {
  const asleep = (/** @type {number} */ n) => n >= 5000 && n < 5096;
  const delayMs = (/** @type {number} */ t) => (t > 6150 ? 90 : 0.5);
  const [before = 0, later = 0] = delays({ asleep, delayMs }, [4900, 9000]);
  assert.ok(later < before + 90 + 25, `${before} ms before, ${later} ms after the network became 90 ms slower`);
});
