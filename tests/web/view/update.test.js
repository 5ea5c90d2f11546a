import assert from 'node:assert/strict';
import test from 'node:test';

import { notAnUpdate, shownUpdate } from '../../../web/core/update.js';

/** @param {import('../../../web/core/update.js').Phase} state @param {object} [more] */
const shown = (state, more = {}) => shownUpdate({ state, percent: 0, words: 'Words.', detail: '', bytes_max: 1000, ...more });

test('a file is asked for when none is under way, a restart only when one waits', () => {
  /** @type {[import('../../../web/core/update.js').Phase, boolean, boolean, boolean][]} */
  const cases = [
    ['idle', true, false, false],
    ['receiving', false, false, true],
    ['installing', false, false, true],
    ['waiting', true, true, false],
    ['restarting', false, false, false],
    ['trying', false, false, false],
    ['installed', true, false, false],
    ['refused', true, false, false],
    ['fell_back', true, false, false],
  ];
  for (const [state, maySend, mayRestart, hasBar] of cases) {
    const { may_send, may_restart, percent } = shown(state, { percent: 40 });
    assert.deepEqual([may_send, may_restart, percent], [maySend, mayRestart, hasBar ? 40 : null], state);
  }
});

test('what somebody should hear of stands where it is seen unopened', () => {
  assert.equal(shown('idle').summary, 'Update');
  assert.equal(shown('installed').summary, 'Update');
  assert.match(shown('waiting').summary, /waits for a restart$/);
  assert.match(shown('refused').summary, /refused$/);
  assert.match(shown('fell_back').summary, /the version before is back$/);
});

test('the device’s own words are shown, with the tool’s beside them', () => {
  assert.equal(shown('idle', { words: '' }).words, 'No update was ever installed here.');
  assert.equal(shown('refused', { words: 'It was refused.', detail: 'signature verification failed' }).words, 'It was refused. (signature verification failed)');
});

test('a file that cannot be an update is not sent', () => {
  assert.equal(notAnUpdate(5, 5), '');
  assert.match(notAnUpdate(0, 5), /empty/);
  assert.match(notAnUpdate(3 * 1048576 + 1, 3 * 1048576), /at most 3 MiB/);
});
