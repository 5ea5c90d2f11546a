import assert from 'node:assert/strict';
import test from 'node:test';

import { axisCeiling, History, WINDOW_MS } from '../../../web/view/history.js';

/** @param {History} history @param {number} nowMs */
function samples(history, nowMs) {
  const seen = [];
  history.forEach(nowMs, (ageMs, delayMs, levelMs, targetMs, glitches) => seen.push([ageMs, delayMs, levelMs, targetMs, glitches]));
  return seen;
}

test('samples come back oldest first, with their age', () => {
  const history = new History();
  history.push(1000, 40, 10, 9, 0);
  history.push(1100, 41, null, null, 0);
  assert.deepEqual(samples(history, 1200), [[200, 40, 10, 9, 0], [100, 41, NaN, NaN, 0]]);
});

test('the window ends after a minute, and its edge belongs to it', () => {
  const history = new History();
  history.push(0, 1, 1, 1, 0);
  history.push(100, 2, 1, 1, 0);
  assert.equal(samples(history, WINDOW_MS).length, 2);
  assert.deepEqual(samples(history, WINDOW_MS + 50), [[WINDOW_MS - 50, 2, 1, 1, 0]]);
});

test('an hour at 10 Hz keeps exactly the last minute', () => {
  const history = new History();
  for (let i = 0; i <= 36_000; i++) history.push(i * 100, i, 0, 0, 0);
  const seen = samples(history, 3_600_000);
  assert.equal(seen.length, 601);
  assert.deepEqual([seen[0][1], seen.at(-1)[1]], [35_400, 36_000]);
});

test('twice as many samples as expected shorten the window and break nothing', () => {
  const history = new History();
  for (let i = 0; i < 5000; i++) history.push(i * 50, i, 0, 0, 0);
  const seen = samples(history, 5000 * 50);
  assert.equal(seen.at(-1)[1], 4999);
  for (let i = 1; i < seen.length; i++) assert.equal(seen[i][1], seen[i - 1][1] + 1);
});

test('a rise of the glitch count is marked once; the first count and one that starts anew are no rise', () => {
  const history = new History();
  [2, 2, 5, 5, 0, 1].forEach((total, i) => history.push(i * 100, 40, 10, 10, total));
  assert.deepEqual(samples(history, 600).map((sample) => sample.at(-1)), [0, 0, 3, 0, 0, 1]);
  assert.equal(history.summary(600).glitches, 4);
});

test('the summary leaves out what is unknown', () => {
  const history = new History();
  history.push(0, null, 9, 8, 0);
  history.push(100, 44, 12, null, 0);
  history.push(200, 39, null, 10, 0);
  assert.deepEqual(history.summary(200), {
    delayMin: 39, delayMax: 44, levelMin: 9, levelMax: 12, targetMin: 8, targetMax: 10, glitches: 0,
  });
});

test('cleared, it is empty, and the next count is a first one', () => {
  const history = new History();
  history.push(0, 40, 10, 10, 7);
  history.clear();
  assert.deepEqual(samples(history, 0), []);
  assert.equal(history.summary(0).delayMax, -Infinity);
  history.push(100, 40, 10, 10, 1);
  assert.deepEqual(samples(history, 100), [[0, 40, 10, 10, 0]]);
});

test('the axis ends at a round number with room above the highest sample', () => {
  const cases = [[0, 20], [17, 20], [19, 50], [41, 50], [46, 100], [120, 200], [9500, 20_000], [25_000, 30_000], [-Infinity, 0], [NaN, 0]];
  for (const [maxMs, ceiling] of cases) assert.equal(axisCeiling(maxMs), ceiling, String(maxMs));
});
