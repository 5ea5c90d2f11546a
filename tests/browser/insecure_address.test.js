/** Plain HTTP by a name on the network: browsers give such a page no audio thread. The page must say so, and say what helps. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openTwoClockStage } from './rig/stage.js';
import { until } from './rig/until.js';

const stage = await openTwoClockStage('--source', 'exact:noise', '--name', 'synthwire.local');

test('a page that cannot play says why and what to do, before anybody presses anything', async (t) => {
  const page = await stage.chromium.open(`http://synthwire.local:${stage.service.address.port}/`);
  assert.equal(await page.evaluate('isSecureContext'), false);
  const words = await until('the page says so', () => page.text('#notice'));
  t.diagnostic(`the page says: ${words.replace(/\s+/g, ' ')}`);
  assert.match(words, /cannot play/);
  assert.match(words, /https:\/\//);
  assert.match(words, new RegExp(`http://localhost:${stage.service.address.port}`));
  assert.equal(await page.evaluate('document.querySelector("#listen").disabled'), true, 'a button that can do nothing invites');
  const report = await page.report();
  assert.deepEqual([report.state, report.problem], ['failed', 'insecure_context']);
  assert.equal(await stage.service.listeners(), 0);
  // On this page the browser itself complains that it ignores the isolation headers; there must be no other complaint.
  assert.deepEqual(page.complaints.filter((words_) => !/Cross-Origin-Opener-Policy/.test(words_)), []);
});
