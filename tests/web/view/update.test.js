import assert from 'node:assert/strict';
import test from 'node:test';

import { beginsAsUpdate, compareVersions, signatureBytes, versionIn } from '../../../web/core/page/update.js';
import { fileFaultWords, olderWords, updateView } from '../../../web/view/update_words.js';

/** @param {import('../../../web/core/page/update.js').Phase} state @param {object} [more] */
const shown = (state, more = {}) => updateView({ state, percent: 0, words: 'Words.', detail: '', running: '1', bytes_max: 1000, unfit: null, ...more });

test('a file is asked for when none is under way, a restart only when one waits', () => {
  /** @type {[import('../../../web/core/page/update.js').Phase, boolean, boolean, boolean][]} */
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
  assert.equal(shown('idle', { words: '' }).words, 'No update has been installed yet.');
  assert.equal(shown('refused', { words: 'It was refused.', detail: 'signature verification failed' }).words, 'It was refused. (signature verification failed)');
});

test('a file that cannot be an update is not sent', () => {
  assert.equal(fileFaultWords(5, 5), '');
  assert.match(fileFaultWords(0, 5), /empty/);
  assert.match(fileFaultWords(3 * 1048576 + 1, 3 * 1048576), /at most 3 MiB/);
});

test('a board that cannot be updated is not sent anything, and says why', () => {
  const { may_send, words } = shown('idle', { words: '', unfit: 'The boot loader is too old.' });
  assert.equal(may_send, false);
  assert.match(words, /The boot loader is too old\.$/);
});

/** @param {string} text */
const bytes = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));

test('a file says of itself what it is, wherever its bytes lie', () => {
  assert.ok(beginsAsUpdate(bytes('hsqs...')) && !beginsAsUpdate(bytes('hsq')) && !beginsAsUpdate(bytes('')) && !beginsAsUpdate(bytes('PK..')));
  assert.equal(signatureBytes(bytes('\0\0\0\0\0\0\x08\x01')), 2049);
  assert.equal(signatureBytes(bytes('\0\0\0\x01\0\0\0\0')), 0);
  assert.equal(signatureBytes(bytes('\0\0\0\0\0\xff\xff\xff')), 0);
  assert.equal(signatureBytes(bytes('\0')), 0);
  const manifest = '[update]\ncompatible=x\nversion=0.2.0-1~rc1\n\n[bundle]\nformat=verity\nversion=9\n';
  assert.equal(versionIn(bytes(`\x30\x82\xff${manifest}\x00\x01`)), '0.2.0-1~rc1');
  assert.equal(versionIn(bytes('[update]\ncompatible=x\n\n[image.root]\nversion=9\n')), '');
  assert.equal(versionIn(bytes('')), '');
});

test('versions are compared as Debian compares them', () => {
  /** @type {[string, string][]} in each pair the first is older */
  const rising = [
    ['0.1.0', '0.2.0'], ['0.9.0', '0.10.0'], ['0.2.0~rc1', '0.2.0'], ['0.2.0', '0.2.0+git5'], ['0.2.0+git5', '0.2.0+git10'],
    ['0.2.0', '0.2.0-1'], ['0.2.0-1', '0.2.0-2'], ['0.2.0-2', '0.2.0a'], ['9.0', '1:0.1'], ['1.0', '1.0.0'], ['1.0~', '1.0'], ['', '0.1'], ['1.a', '1.+'],
    ['0.2.0-9', '0.2.0-10'], ['01.1', '1.2'], ['2', '10'], ['1.0~~', '1.0~a'],
  ];
  for (const [older, newer] of rising) {
    assert.ok(compareVersions(older, newer) < 0, `${older} < ${newer}`);
    assert.ok(compareVersions(newer, older) > 0, `${newer} > ${older}`);
    assert.equal(compareVersions(older, older), 0, older);
  }
  assert.equal(compareVersions('1.01', '1.1'), 0);
});

test('an older version is asked about, and nothing else', () => {
  assert.match(olderWords('0.1.0', '0.2.0'), /version 0\.1\.0, which is older than version 0\.2\.0/);
  for (const [version, running] of [['0.2.0', '0.2.0'], ['0.3.0', '0.2.0'], ['', '0.2.0'], ['0.1.0', '']]) assert.equal(olderWords(version, running), '');
});
