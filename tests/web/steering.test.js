/** What the steering may do to the speed, and what it makes of an error. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Steering } from '../../web/core/steering.js';

const BLOCK_S = 128 / 48_000;
const PPM = 1e6;

/** @param {number} errorMs @param {number} drift @param {number} seconds @param {number} [fromS] judged from here on */
function steered(errorMs, drift, seconds, fromS = 0) {
  const steering = new Steering();
  steering.begin(drift);
  let errorS = 0;
  let steepest = 0;
  let fastest = 0;
  let least = Infinity;
  for (let at = 0; at * BLOCK_S < seconds; at += 1) {
    // The error appears when the first seconds are over.
    if (at === Math.ceil(fromS / BLOCK_S)) errorS += errorMs / 1000;
    const before = steering.rate;
    steering.pass(BLOCK_S);
    const rate = steering.advance(errorS, drift, BLOCK_S);
    errorS -= (rate - drift) * BLOCK_S;
    if (at * BLOCK_S < fromS) continue;
    steepest = Math.max(steepest, (Math.abs(rate - before) / BLOCK_S) * PPM);
    fastest = Math.max(fastest, Math.abs(rate - drift) * PPM);
    least = Math.min(least, errorS * Math.sign(errorMs));
  }
  return { errorMs: errorS * 1000, steepest, fastest, overshotMs: -least * 1000 };
}

for (const errorMs of [4, -4, 0.3]) {
  test(`an error of ${errorMs} ms is worked off at 300 ppm and 30 ppm a second at most, and never past the mark`, () => {
    const { errorMs: rest, steepest, fastest, overshotMs } = steered(errorMs, 100e-6, 120, 20);
    assert.ok(Math.abs(rest) < 0.1, `${rest} ms left`);
    assert.ok(steepest <= 30 && fastest <= 300.001, `${steepest} ppm/s, ${fastest} ppm`);
    assert.ok(overshotMs < 0.3, `${overshotMs} ms beyond`);
  });
}

test('a reader that stands on a whole frame rests while its error is small, and leaves when it is not', () => {
  const steering = new Steering();
  steering.begin(0);
  for (const errorS of [0, 1.2e-3, -0.3e-3]) assert.ok(steering.isResting(errorS, 0), `${errorS}`);
  for (const errorS of [1.4e-3, -0.5e-3]) {
    assert.ok(!steering.isResting(errorS, 0) && !steering.hasLanded(0), `${errorS}`);
    assert.equal(Math.sign(steering.advanceExactly(errorS, 0, BLOCK_S)), Math.sign(errorS));
    steering.rest();
  }
  assert.ok(!steering.isResting(0, 0.25));
});

test('what moves comes to rest on a whole frame, and an estimate that trembles at the edge of right does not start it again', () => {
  const steering = new Steering();
  steering.begin(0);
  let offFrames = 0.3;
  let errorS = 1.5e-3;
  let restedS = NaN;
  for (let at = 0; at * BLOCK_S < 60; at += 1) {
    steering.pass(BLOCK_S);
    const seenS = errorS + 0.15e-3 * Math.sin(at / 7);
    if (steering.isResting(seenS, offFrames)) continue;
    assert.ok(Number.isNaN(restedS), `moves again after ${restedS} s`);
    if (steering.hasLanded(offFrames)) {
      steering.rest();
      offFrames = 0;
      restedS = at * BLOCK_S;
      continue;
    }
    const rate = steering.advanceExactly(seenS, offFrames, BLOCK_S);
    errorS -= rate * BLOCK_S;
    offFrames -= rate * BLOCK_S * 44_100;
    offFrames -= Math.round(offFrames);
  }
  assert.ok(restedS < 30, `rests after ${restedS} s`);
  assert.ok(errorS < 0.65e-3 && errorS > -0.2e-3, `${errorS * 1000} ms off`);
});
