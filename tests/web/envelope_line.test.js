/** The line, with observations that may be late but never early. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvelopeLine } from '../../web/core/clock/envelope_line.js';
import { randomFrom } from './sim/random.js';

const PER_MS = 44.1;
const EVERY_MS = 2.9;

/**
 * @param {{seconds: number, ppm?: number, lateMs: (ms: number, random: () => number) => number}} world
 * @param {(line: EnvelopeLine, ms: number) => void} [each]
 */
function watched({ seconds, ppm = 0, lateMs }, each) {
  const random = randomFrom(3);
  const line = new EnvelopeLine(PER_MS, false);
  for (let ms = 0; ms < seconds * 1000; ms += EVERY_MS) {
    line.observe(ms * PER_MS * (1 + ppm * 1e-6), ms + lateMs(ms, random));
    each?.(line, ms);
  }
  return line;
}

for (const ppm of [300, -300, 40]) {
  test(`two clocks ${ppm} ppm apart are told before four seconds to 50 ppm, in a minute to 3`, () => {
    let early = NaN;
    const line = watched({ seconds: 60, ppm, lateMs: (_, random) => 0.2 + 0.1 * random() }, (each, ms) => {
      if (ms < 3900) early = each.driftPpm;
    });
    assert.ok(Math.abs(early - ppm) < 50, `${early} ppm before four seconds`);
    assert.ok(Math.abs(line.driftPpm - ppm) < 3, `${line.driftPpm} ppm after a minute`);
  });
}

test('a bad network bends the line by less than 15 ppm', () => {
  const line = watched({ seconds: 90, ppm: 100, lateMs: (_, random) => 3 + 2 * ((1 - random()) ** -0.5 - 1) });
  assert.ok(Math.abs(line.driftPpm - 100) < 15, `${line.driftPpm} ppm`);
});

test('a stall is no step, a network slower from now on is one', () => {
  const stalled = watched({ seconds: 60, lateMs: (ms) => (ms > 30_000 && ms < 31_500 ? 31_500 - ms : 0.2) });
  assert.equal(stalled.shiftMs, 0);
  const slower = watched({ seconds: 60, lateMs: (ms) => (ms > 30_000 ? 40 : 0.2) });
  assert.ok(Math.abs(slower.shiftMs - 39.8) < 0.5, `${slower.shiftMs} ms`);
  assert.ok(Math.abs(slower.driftPpm) < 10, 'and no drift');
});
