/** The glitch ledger: counts, entries, and counts that begin anew. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../../web/core/ledger.js';

test('after a reset counts and entries begin anew, and the totals for the service go on', () => {
  const ledger = new Ledger(1000);
  ledger.note('network_late', 1500, 9);
  ledger.note('usb_loss', 1600, 4);
  assert.equal(ledger.sinceMs, 1000);
  ledger.reset(2000);
  assert.deepEqual([ledger.sinceMs, ledger.entries(), ledger.counts()['network_late']], [2000, [], 0]);
  ledger.note('network_late', 2500, 5);
  assert.deepEqual([ledger.counts()['network_late'], ledger.counts()['usb_loss'], ledger.entries().length], [1, 0, 1]);
  assert.deepEqual([ledger.totals()['network_late'], ledger.totals()['usb_loss']], [2, 1]);
});

test('short glitches of the start are forgotten once, and longer ones, or of unknown length, are not', () => {
  for (const [lengths, isForgotten] of /** @type {[(number | null)[], boolean][]} */ ([
    [[], false], [[1], true], [[3, 2.7], true], [[3.1], false], [[1, 40], false], [[null], false],
  ])) {
    const ledger = new Ledger(1000);
    for (const lengthMs of lengths) ledger.note('network_late', 1100, lengthMs);
    assert.equal(ledger.settle(2000), isForgotten, String(lengths));
    assert.equal(ledger.counts()['network_late'], isForgotten ? 0 : lengths.length);
    assert.equal(ledger.sinceMs, isForgotten ? 2000 : 1000);
    ledger.reset(3000);
    ledger.note('network_late', 3100, 1);
    assert.equal(ledger.settle(4000), false, 'the start is over');
  }
});
