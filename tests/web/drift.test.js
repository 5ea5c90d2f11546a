/** One late event a minute, on the network and in the audio thread: the drift stays right, and says how wrong it may be. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COVERED_SIGMAS, summary } from './sim/clock_run.js';

for (const network of /** @type {const} */ (['wired', 'wifi'])) {
  test(`no late event moves the drift by 10 ppm on ${network}, and its sigma covers the error`, () => {
    const [row] = summary({ network, seconds: 120, seeds: 10, ages: [[30, Infinity]] });
    assert.ok(row && row.most_ppm < 10, `seeds 1 to 10: ${row?.most_ppm} ppm`);
    assert.ok(row.covered >= 0.95, `within ${COVERED_SIGMAS} sigmas: ${row.covered}`);
  });
}
