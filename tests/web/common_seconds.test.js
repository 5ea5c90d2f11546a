/** Two lines seen by one clock that wanders: their difference does not wander. */

import { COMMON_SECONDS_MIN } from '../../web/core/clock/constants.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driftOfCommonSeconds } from '../../web/core/clock/common_seconds.js';
import { EnvelopeLine } from '../../web/core/clock/envelope_line.js';
import { randomFrom, SEED } from './sim/random.js';

const PER_MS = 44.1;
/** A rate that swings by 50 ppm within 18 s. */
const PERIOD_MS = 18_000;
const page = (/** @type {number} */ ms) => ms + ((50e-6 * PERIOD_MS) / (2 * Math.PI)) * Math.sin((2 * Math.PI * ms) / PERIOD_MS);

/** @param {number} ppm @param {number} seconds @param {(random: () => number) => number} lateMs delay of arrivals */
function seen(ppm, seconds, lateMs) {
  const random = randomFrom(SEED);
  const [arrivals, blocks] = [new EnvelopeLine(PER_MS, false), new EnvelopeLine(PER_MS, true)];
  for (let ms = 0; ms < seconds * 1000; ms += 2.9) {
    arrivals.observe(ms * PER_MS * (1 + ppm * 1e-6), page(ms + lateMs(random)));
    blocks.observe(ms * PER_MS, page(ms + 2.9 * random()));
  }
  return driftOfCommonSeconds(arrivals.buckets, blocks.buckets);
}

for (const ppm of [0, 5, -20, 300]) {
  test(`${ppm} ppm between two clocks are told to 1 ppm though the third one swings by 50`, () => {
    const drift = seen(ppm, 60, (random) => 0.2 + 0.1 * random());
    assert.ok(drift && Math.abs(drift.ppm - ppm) < 1 && drift.sigma_ppm < 1, `seed ${SEED}: ${JSON.stringify(drift)}`);
  });
}

test('how sure it is agrees with how wrong it is on a bad network', () => {
  const drift = seen(0, 80, (random) => 3 + 2 * ((1 - random()) ** -0.4 - 1));
  assert.ok(drift && Math.abs(drift.ppm) < 4 * drift.sigma_ppm, `seed ${SEED}: ${JSON.stringify(drift)}`);
});

test('few seconds say nothing', () => {
  assert.equal(seen(0, COMMON_SECONDS_MIN - 2, () => 0.2), null);
});
