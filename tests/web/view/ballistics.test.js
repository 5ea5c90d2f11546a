import assert from 'node:assert/strict';
import test from 'node:test';

import { Ballistics, FLOOR_DB, linearToDb, meterPosition } from '../../../web/view/ballistics.js';

test('the bar rises at once and falls slowly', () => {
  const meter = new Ballistics();
  meter.step(0.5, 0);
  assert.ok(Math.abs(meter.barDb + 6.02) < 0.01);
  meter.step(0, 500);
  assert.ok(Math.abs(meter.barDb + 18.02) < 0.01, `${meter.barDb}`);
  meter.step(1, 600);
  assert.equal(meter.barDb, 0);
});

test('the mark holds the peak, then falls, and never stands below the bar', () => {
  const meter = new Ballistics();
  meter.step(1, 0);
  meter.step(0.1, 1400);
  assert.equal(meter.holdDb, 0);
  for (let ms = 1500; ms <= 10_000; ms += 100) {
    meter.step(0.1, ms);
    assert.ok(meter.holdDb >= meter.barDb, `at ${ms} ms`);
  }
  assert.ok(Math.abs(meter.holdDb + 20) < 0.01);
});

test('clipping is shown for a while', () => {
  const meter = new Ballistics();
  meter.step(0.99, 0);
  assert.equal(meter.clipped, false);
  meter.step(32767 / 32768, 100);
  assert.equal(meter.clipped, true);
  meter.step(0, 3000);
  assert.equal(meter.clipped, true);
  meter.step(0, 3200);
  assert.equal(meter.clipped, false);
});

test('at rest everything is empty at once', () => {
  const meter = new Ballistics();
  meter.step(1, 0);
  meter.rest();
  assert.deepEqual([meter.barDb, meter.holdDb, meter.clipped], [FLOOR_DB, FLOOR_DB, false]);
  meter.step(0, 99_999);
  assert.deepEqual([meter.barDb, meter.holdDb, meter.clipped], [FLOOR_DB, FLOOR_DB, false]);
});

test('a clock that jumps back lifts nothing', () => {
  const meter = new Ballistics();
  meter.step(0.1, 1000);
  meter.step(0, 0);
  assert.ok(meter.barDb <= -20 + 1e-9);
});

test('levels map onto the length of the meter', () => {
  const cases = [[0, 0], [1e-9, 0], [0.001, 0], [1, 1], [2, 1], [NaN, 0]];
  for (const [linear, position] of cases) {
    assert.ok(Math.abs(meterPosition(linearToDb(linear)) - position) < 1e-9, String(linear));
  }
  assert.equal(meterPosition(-30), 0.5);
});
