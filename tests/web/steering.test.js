/** The limits of the steering, and its reaction to an error. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DRIFT, ERROR_S, OFF_FRAMES, Steering } from '../../web/core/playout/steering.js';

const RATE_HZ = 48_000;
const BLOCK = 128;
const BLOCK_S = BLOCK / RATE_HZ;
const PPM = 1e6;

/**
 * Shows the steering a reader with this error, on its own clock.
 *
 * @param {Steering} steering @param {number} errorS @param {number} [offFrames]
 */
function see(steering, errorS, offFrames = 0) {
  steering.seen[ERROR_S] = errorS;
  steering.seen[OFF_FRAMES] = offFrames;
  return steering;
}

/** @param {number} errorMs @param {number} drift @param {number} seconds @param {number} [fromS] judged from this time on */
function steered(errorMs, drift, seconds, fromS = 0) {
  const steering = new Steering(RATE_HZ);
  steering.begin(drift);
  let errorS = 0;
  let steepest = 0;
  let fastest = 0;
  let least = Infinity;
  for (let at = 0; at * BLOCK_S < seconds; at += 1) {
    // The error begins after the first seconds.
    if (at === Math.ceil(fromS / BLOCK_S)) errorS += errorMs / 1000;
    const before = steering.speed;
    steering.pass(BLOCK);
    see(steering, errorS).seen[DRIFT] = drift;
    steering.advance();
    const { speed } = steering;
    errorS -= (speed - drift) * BLOCK_S;
    if (at * BLOCK_S < fromS) continue;
    steepest = Math.max(steepest, (Math.abs(speed - before) / BLOCK_S) * PPM);
    fastest = Math.max(fastest, Math.abs(speed - drift) * PPM);
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

for (const errorMs of [4, -4, 2.5, -2.5]) {
  test(`an error of ${errorMs} ms that appears while the drift is being learned is not overshot when that ends`, () => {
    for (const fromS of [0, 8, 10, 11, 12, 13, 14, 14.9]) {
      const { errorMs: rest, fastest, overshotMs } = steered(errorMs, 100e-6, 120, fromS);
      assert.ok(Math.abs(rest) < 0.1, `at ${fromS} s: ${rest} ms left`);
      assert.ok(fastest <= 500.001 && overshotMs < 0.2, `at ${fromS} s: ${fastest} ppm, ${overshotMs} ms beyond`);
    }
  });
}

test('a reader that stands on a whole frame rests while its error is small, and leaves when it is not', () => {
  const steering = new Steering(RATE_HZ);
  steering.begin(0);
  assert.ok(see(steering, 2.6e-3).isResting, 'what the first seconds keep on top moves nothing');
  for (let at = 0; at * BLOCK_S < 16; at += 1) steering.pass(BLOCK);
  for (const errorS of [0, 1.2e-3, -0.3e-3]) assert.ok(see(steering, errorS).isResting, `${errorS}`);
  for (const errorS of [1.4e-3, -0.5e-3]) {
    assert.ok(!see(steering, errorS).isResting && !steering.hasLanded, `${errorS}`);
    steering.advanceExactly();
    assert.equal(Math.sign(steering.speed), Math.sign(errorS));
    steering.rest();
  }
  assert.ok(!see(steering, 0, 0.25).isResting);
});

test('what moves comes to rest on a whole frame, and an estimate that trembles at the edge of right does not start it again', () => {
  const steering = new Steering(RATE_HZ);
  steering.begin(0);
  let offFrames = 0.3;
  let errorS = 3.5e-3;
  let restedS = NaN;
  for (let at = 0; at * BLOCK_S < 60; at += 1) {
    steering.pass(BLOCK);
    const seenS = errorS + 0.15e-3 * Math.sin(at / 7);
    if (see(steering, seenS, offFrames).isResting) continue;
    assert.ok(Number.isNaN(restedS), `moves again after ${restedS} s`);
    if (steering.hasLanded) {
      steering.rest();
      offFrames = 0;
      restedS = at * BLOCK_S;
      continue;
    }
    steering.advanceExactly();
    const { speed } = steering;
    errorS -= speed * BLOCK_S;
    offFrames -= speed * BLOCK_S * 44_100;
    offFrames -= Math.round(offFrames);
  }
  assert.ok(restedS < 30, `rests after ${restedS} s`);
  assert.ok(errorS < 1.3e-3 && errorS > -0.2e-3, `${errorS * 1000} ms off`);
});
