import assert from 'node:assert/strict';
import test from 'node:test';

import { steady } from '../../../web/view/steady.js';

test('a trembling measurement leaves the shown number alone', () => {
  let shown = steady(null, 40.4);
  for (const measured of [40.6, 40.3, 40.7, 39.5, 40.5]) {
    shown = steady(shown, measured);
    assert.equal(shown, 40, `${measured}`);
  }
});

test('a real change is followed, and the shown number is never a millisecond off', () => {
  let shown = steady(null, 40);
  for (let measured = 40; measured < 60; measured += 0.1) {
    shown = steady(shown, measured);
    assert.ok(Math.abs(shown - measured) < 1, `${shown} for ${measured}`);
  }
});

test('unknown is unknown', () => {
  assert.equal(steady(40, null), null);
  assert.equal(steady(40, NaN), null);
});
