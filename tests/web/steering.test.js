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

test('a reader that stands on a whole frame rests exactly', () => {
  const steering = new Steering();
  steering.begin(0);
  for (let at = 0; at < 1000; at += 1) assert.equal(steering.advanceExactly(0.0001, 0, BLOCK_S), 0);
});
