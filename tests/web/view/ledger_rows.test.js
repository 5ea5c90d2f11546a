import assert from 'node:assert/strict';
import test from 'node:test';

import { ledgerRows, lengthWords, restWords, ROWS_MAX, sinceWords } from '../../../web/view/ledger_rows.js';

const NOON_MS = Date.UTC(2025, 2, 30, 12, 0, 0); // a Sunday on which many clocks go forward
const BERLIN = (/** @type {number} */ atMs) => (atMs >= Date.UTC(2025, 2, 30, 1) ? 120 : 60);

test('newest first, in local time, with the weekday for another day', () => {
  const ledger = [
    { at_ms: Date.UTC(2025, 2, 29, 22, 59, 59), cause: 'usb_loss', length_ms: 12 },
    { at_ms: Date.UTC(2025, 2, 29, 23, 0, 0), cause: 'source_change', length_ms: null },
    { at_ms: NOON_MS - 1000, cause: 'network_late', length_ms: 23.4 },
  ];
  const rows = ledgerRows(ledger, NOON_MS, BERLIN);
  assert.deepEqual(rows.map(({ time }) => time), ['13:59:59', '00:00:00', 'Sat 23:59:59']);
  assert.deepEqual(rows.map(({ length }) => length), ['23 ms', '–', '12 ms']);
  assert.deepEqual(rows.map(({ intended }) => intended), [false, true, false]);
  assert.match(rows[0].words, /too late/);
  assert.equal(rows[0].iso, '2025-03-30T11:59:59.000Z');
});

test('it is said since when the counts are, with the weekday for another day', () => {
  assert.equal(sinceWords(NOON_MS - 1000, NOON_MS, BERLIN), 'Glitches and curve count since 13:59:59.');
  assert.equal(sinceWords(Date.UTC(2025, 2, 29, 22, 59, 59), NOON_MS, BERLIN), 'Glitches and curve count since Sat 23:59:59.');
});

test('west of Greenwich and before 1970 a day is still a day', () => {
  const [row] = ledgerRows([{ at_ms: -1, cause: 'usb_loss', length_ms: 1 }], NOON_MS, () => -300);
  assert.equal(row.time, 'Wed 18:59:59');
});

test('twenty rows at most, and it is said that there are more', () => {
  const ledger = Array.from({ length: 57 }, (_, index) => ({ at_ms: NOON_MS + index * 1000, cause: 'network_late', length_ms: index }));
  const rows = ledgerRows(ledger, NOON_MS, () => 0);
  assert.equal(rows.length, ROWS_MAX);
  assert.deepEqual([rows[0].length, rows.at(-1)?.length], ['56 ms', '37 ms']);
  assert.match(restWords(57), /20 of 57/);
  assert.equal(restWords(20), '');
});

test('a length is never rounded to nothing', () => {
  const cases = [[0.1, 'under 1 ms'], [0.5, '1 ms'], [0, '0 ms'], [31_400, '31.4 s'], [null, '–']];
  for (const [ms, words] of cases) assert.equal(lengthWords(ms), words, String(ms));
});
