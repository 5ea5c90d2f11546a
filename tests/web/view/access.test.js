import assert from 'node:assert/strict';
import test from 'node:test';

import { offer } from '../../../web/core/page/access.js';
import { accessWords, offerWords } from '../../../web/view/access_words.js';

const OPEN = { set: false, shown: false, may_set: false };
const LOCKED = { set: true, shown: false, may_set: false };

/** @param {object} [changes] */
const access = (changes = {}) => ({ listening: OPEN, settings: OPEN, may_listen: true, may_change_settings: true, first_key_s_left: 0, notice: null, ...changes });

test('a device without keys says that anyone may', () => {
  assert.match(accessWords(access(), true), /^No key is set: anyone on this network may listen and change the channels\. A key can be set .*switched on by hand, where the service has a state folder\.$/);
  assert.match(accessWords(access({ listening: LOCKED }), true), /^Listening needs a key\./);
  assert.match(accessWords(access({ settings: LOCKED }), true), /Anyone on this network may listen\. Changing the channels needs a key\.$/);
  assert.match(accessWords(access({ listening: LOCKED, settings: LOCKED }), true), /needs another\.$/);
});

test('a first key is offered with the time that is left, and plain http is warned of where a key is typed', () => {
  const fresh = access({ listening: { ...OPEN, may_set: true }, settings: { ...OPEN, may_set: true }, first_key_s_left: 61 });
  assert.match(accessWords(fresh, true), /for 2 more minutes\.$/);
  assert.match(accessWords({ ...fresh, first_key_s_left: 9 }, true), /for 1 more minute\.$/);
  assert.match(accessWords(fresh, false), /plain http/);
  assert.doesNotMatch(accessWords(access(), false), /plain http/);
});

test('what can be done with a key follows from what the service says of it', () => {
  for (const [key, expected] of /** @type {const} */ ([
    [OPEN, 'none'],
    [{ ...OPEN, may_set: true }, 'set'],
    [LOCKED, 'enter'],
    [{ ...LOCKED, shown: true }, 'none'],
    [{ ...LOCKED, shown: true, may_set: true }, 'change'],
    [{ ...LOCKED, may_set: true }, 'change'],
  ])) assert.equal(offer(key), expected, JSON.stringify(key));
  assert.deepEqual(offerWords('listening', 'enter'), { label: 'Listening key', button: 'Enter' });
  assert.deepEqual(offerWords('settings', 'change'), { label: 'New settings key', button: 'Change' });
});
