import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { DEFAULT_MODE, fixedWords, modeFrom, modeName } from '../../../web/view/modes.js';

const PAGE = readFileSync(new URL('../../../web/index.html', import.meta.url), 'utf8');

test('what was stored is a mode, or it is the default', () => {
  for (const mode of ['lowest', 'auto', 'safest']) assert.equal(modeFrom(mode), mode);
  for (const stored of [null, '', 'fixed', 'Auto', 'toString', '{}']) assert.equal(modeFrom(stored), DEFAULT_MODE, String(stored));
});

test('the page offers the three modes and the fixed state, each with its words, and checks the default', () => {
  const radios = [...PAGE.matchAll(/<input type="radio" name="mode" value="(\w+)"( checked)?/g)];
  assert.deepEqual(radios.map(([, value]) => value), ['lowest', 'auto', 'safest', 'fixed']);
  assert.deepEqual(radios.filter(([, , checked]) => checked).map(([, value]) => value), [DEFAULT_MODE]);
  for (const mode of /** @type {const} */ (['lowest', 'auto', 'safest'])) {
    assert.match(PAGE, new RegExp(`id="mode-${mode}">${modeName(mode)}<`));
    assert.match(PAGE, new RegExp(`id="mode-${mode}-words">[^<]+\\.<`));
  }
});

test('a chosen delay is said as a delay where it is known, else as a buffer', () => {
  assert.equal(fixedWords(61.2, 27.3), 'You chose 61 ms. It stays, whatever the network does.');
  assert.match(fixedWords(null, 27.3), /a buffer of 27 ms/);
});
