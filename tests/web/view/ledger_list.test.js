/** The list of glitches, and the button that makes the counts begin anew. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { at, click, focused, isSeen, openPage, seen } from '../sim/page_elements.js';

const { LedgerList } = await import('../../../web/view/ledger_list.js');
const NOW_MS = Date.UTC(2025, 2, 30, 12, 0, 0);

test('since when the counts are is shown from the start on, and a press of Reset is confirmed in words, each time', async () => {
  openPage();
  Object.assign(at('ledger-more'), { setAttribute() {} });
  let sinceMs = /** @type {number | null} */ (null);
  let resets = 0;
  const list = new LedgerList(() => {
    resets += 1;
    sinceMs = NOW_MS + resets * 1000;
    list.show([], sinceMs, NOW_MS + 9000);
  });
  list.show(null, sinceMs, NOW_MS);
  assert.equal(isSeen('counts-reset'), false, 'nothing is counted yet');
  sinceMs = NOW_MS;
  list.show([], sinceMs, NOW_MS + 1000);
  assert.match(seen('counts-since'), /^Glitches and curve count since \d\d:\d\d:00\.$/);
  assert.equal(seen('counts-said'), '');
  at('counts-reset').focus();
  await click('counts-reset');
  assert.match(seen('counts-since'), /:01\.$/);
  assert.equal(seen('counts-said'), 'Glitches and curve begin anew.');
  assert.equal(focused(), 'counts-reset', 'the focus stays where the keyboard is');
  await click('counts-reset');
  assert.deepEqual([resets, seen('counts-said')], [2, 'Glitches and curve begin anew.']);
  list.show([], NOW_MS + 60_000, NOW_MS + 60_000);
  assert.equal(seen('counts-said'), '', 'old words do not stand for a new start');
});
