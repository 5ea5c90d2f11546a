import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { at, focused, isSeen, openPage, seen, submit } from '../sim/page_elements.js';
import { AccessPanel } from '../../../web/view/access_panel.js';

/** @typedef {import('../../../web/core/page/access.js').Access} Access */

const OPEN = { set: false, shown: false, may_set: false };
const LOCKED = { set: true, shown: false, may_set: false };
const OWNED = { set: true, shown: true, may_set: true };

/** @param {Partial<Access>} [changes] @returns {Access} */
const access = (changes = {}) => ({ listening: OPEN, settings: OPEN, may_listen: true, may_change_settings: true, first_key_s_left: 0, notice: null, ...changes });

const FORMS = ['door', 'listening-form', 'settings-form'];
const shownForms = () => FORMS.filter(isSeen);

beforeEach(openPage);

/** A panel that records the keys it sends. @param {string} [why] the answer to a key */
function panel(why = '') {
  const asked = { keys: /** @type {string[][]} */ ([]), why };
  const shown = new AccessPanel(async (...typed) => {
    asked.keys.push(typed);
    return asked.why;
  });
  return { shown, asked };
}

/** @param {string} form @param {string} key */
async function type(form, key) {
  at(`${form}-key`).value = key;
  await submit(form);
}

test('which forms there are, and what they offer, follows from what the service says', () => {
  const { shown } = panel();
  const fresh = { ...OPEN, may_set: true };
  for (const [what, given, forms, label] of /** @type {[string, Partial<Access>, string[], string][]} */ ([
    ['no keys, switched on long ago', {}, [], ''],
    ['no keys, just switched on', { listening: fresh, settings: fresh, first_key_s_left: 200 }, ['listening-form', 'settings-form'], 'A settings key Set'],
    ['a settings key', { settings: LOCKED, may_change_settings: false }, ['settings-form'], 'Settings key Enter'],
    ['a settings key that was shown', { listening: fresh, settings: OWNED }, ['listening-form', 'settings-form'], 'New settings key Change'],
    ['a key of the configuration that was shown', { settings: { ...LOCKED, shown: true } }, [], ''],
    ['a listening key', { listening: LOCKED, may_listen: false, may_change_settings: false }, ['door'], ''],
    ['both', { listening: LOCKED, settings: LOCKED, may_listen: false, may_change_settings: false }, ['door', 'settings-form'], 'Settings key Enter'],
  ])) {
    shown.show(access(given), true);
    assert.deepEqual(shownForms(), forms, what);
    if (label) assert.equal(`${seen('settings-form-label')} ${seen('settings-form-button')}`, label, what);
  }
  assert.deepEqual([seen('door-label'), seen('door-button')], ['A key is needed to listen here', 'Enter']);
});

test('what is locked for good is told in the place of the rule', () => {
  const { shown } = panel();
  const notice = 'Nobody may listen or change settings: access.json in the state folder, which holds the keys, cannot be understood.';
  shown.show(access({ notice, may_listen: false, may_change_settings: false }), true);
  assert.equal(seen('access-words'), notice);
  shown.show(access(), true);
  assert.match(seen('access-words'), /^No key is set/);
  shown.show(null, true);
  assert.ok(!isSeen('access-words'), 'the service did not say');
});

test('a key goes out for what its form offers at that moment', async () => {
  const { shown, asked } = panel();
  shown.show(access({ settings: LOCKED }), true);
  await type('settings-form', 'open sesame');
  shown.show(access({ listening: { ...OPEN, may_set: true }, settings: OWNED }), true);
  await type('settings-form', 'close sesame');
  await type('listening-form', 'the whole band');
  shown.show(access({ listening: LOCKED, may_listen: false }), true);
  await type('door', 'the whole band');
  assert.deepEqual(asked.keys, [
    ['enter', 'settings', 'open sesame'], ['change', 'settings', 'close sesame'],
    ['set', 'listening', 'the whole band'], ['enter', 'listening', 'the whole band'],
  ]);
});

test('a refused key is told beside its field and stays to be corrected; one that fits leaves nothing behind', async () => {
  const { shown, asked } = panel('This key is wrong.');
  shown.show(access({ settings: LOCKED }), true);
  await type('settings-form', 'open sesame');
  assert.deepEqual([seen('settings-form-said'), at('settings-form-key').value], ['This key is wrong.', 'open sesame']);
  assert.equal(at('door-said').textContent + at('listening-form-said').textContent, '', 'said of another key');
  asked.why = '';
  await submit('settings-form');
  assert.deepEqual([seen('settings-form-said'), at('settings-form-key').value], ['', '']);
});

test('what somebody is typing stays while the page asks the service again', () => {
  const { shown } = panel();
  shown.show(access({ settings: LOCKED }), true);
  at('settings-form-key').value = 'open se';
  shown.show(access({ settings: LOCKED }), true);
  assert.equal(at('settings-form-key').value, 'open se');
});

test('whoever presses Listen before the key is led to where it goes', () => {
  const { shown } = panel();
  assert.equal(shown.asksFirst(), false, 'nobody has said yet that one is needed');
  shown.show(access(), true);
  assert.deepEqual([shown.asksFirst(), focused()], [false, '']);
  shown.show(access({ listening: LOCKED, may_listen: false }), true);
  assert.deepEqual([shown.asksFirst(), focused()], [true, 'door-key']);
});

test('where a key is typed over plain http that is warned of', () => {
  const { shown } = panel();
  shown.show(access({ settings: LOCKED }), false);
  assert.match(seen('access-words'), /came over plain http/);
  shown.show(access({ settings: LOCKED }), true);
  assert.doesNotMatch(seen('access-words'), /plain http/);
});
