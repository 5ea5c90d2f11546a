import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { at, click, focused, isSeen, openPage, seen } from '../sim/page_elements.js';
import { AuthorityPanel } from '../../../web/view/authority_panel.js';

beforeEach(openPage);

/** A panel that counts its requests. @param {string} [why] the answer to a request */
function panel(why = '') {
  const asked = { times: 0, why };
  const shown = new AuthorityPanel(async () => {
    asked.times += 1;
    return asked.why;
  });
  return { shown, asked };
}

test('where the certificate is good there is nothing to press', () => {
  const { shown } = panel();
  shown.show(false, true);
  assert.ok(!isSeen('authority') && !isSeen('authority-button'));
});

test('who may not change things is asked for the key, and has no button', () => {
  const { shown } = panel();
  shown.show(true, false);
  assert.match(seen('authority-words'), /Enter the settings key here/);
  assert.ok(!isSeen('authority-button'));
  shown.show(true, true);
  assert.ok(isSeen('authority-button'));
  assert.doesNotMatch(seen('authority-words'), /key/);
});

test('one press only asks, and the way out makes nothing', async () => {
  const { shown, asked } = panel();
  shown.show(true, true);
  await click('authority-button');
  assert.ok(at('authority-asks').open);
  await click('authority-keep');
  assert.deepEqual([at('authority-asks').open, asked.times], [false, 0]);
});

test('the second press makes one, and what is to be done next is told where the keyboard is then', async () => {
  const { shown, asked } = panel();
  shown.show(true, true);
  await click('authority-button');
  await click('authority-make');
  assert.equal(asked.times, 1);
  assert.ok(!at('authority-asks').open && !isSeen('authority-button') && isSeen('authority-steps'));
  assert.match(seen('authority-words'), /Install it on each phone and computer/);
  assert.equal(focused(), 'authority-words');
  shown.show(false, true);
  assert.match(seen('authority-words'), /has a new certificate/, 'it stays told');
  shown.show(true, true);
  assert.ok(isSeen('authority-button') && !isSeen('authority-steps'), 'it was damaged once more');
});

test('a refusal is told within the question, also to somebody who has closed it, and gone when it is asked anew', async () => {
  const { shown, asked } = panel('Enter the settings key first.');
  shown.show(true, true);
  await click('authority-button');
  await click('authority-make');
  assert.equal(seen('authority-asks-said'), 'Enter the settings key first.');
  assert.ok(!at('authority-make').disabled, 'it can be tried again');

  const closing = click('authority-make');
  at('authority-asks').close();
  await closing;
  assert.equal(seen('authority-asks-said'), 'Enter the settings key first.');
  await click('authority-keep');
  await click('authority-button');
  assert.equal(seen('authority-asks-said'), '');
  assert.equal(asked.times, 2);
});

test('while one is made a further press does nothing', async () => {
  let answer = (/** @type {string} */ _why) => {};
  const shown = new AuthorityPanel(() => new Promise((resolve) => { answer = resolve; }));
  shown.show(true, true);
  await click('authority-button');
  await click('authority-make');
  await assert.rejects(click('authority-make'), /cannot be pressed/);
  answer('');
});
