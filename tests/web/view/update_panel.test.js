import assert from 'node:assert/strict';
import test, { beforeEach } from 'node:test';

import { at, click, isSeen, openPage, seen, settled, submit } from '../sim/page_elements.js';
import { UpdatePanel } from '../../../web/view/update_panel.js';

/** @typedef {import('../../../web/core/page/update.js').Update} Update */

const MIB = 1048576;

/** @param {Partial<Update>} [changes] @returns {Update} */
const update = (changes = {}) => ({ state: 'idle', percent: 0, words: '', detail: '', running: '2.0', bytes_max: 4 * MIB, unfit: null, ...changes });

beforeEach(openPage);

/** A panel that records its uploads, and the answers to them: each upload waits until `answer` is called. */
function panel() {
  const service = {
    /** @type {string[]} */
    sent: [],
    restarts: 0,
    restartWhy: '',
    /** @type {(share: number) => void} */
    progress: () => {},
    /** @type {(why: string) => Promise<void>} */
    answer: async () => {},
  };
  const shown = new UpdatePanel({
    send: (file, age, progress) => new Promise((resolve) => {
      service.sent.push(`${file.name} ${age}`);
      service.progress = progress;
      service.answer = (why) => {
        resolve(why);
        return settled();
      };
    }),
    restart: async () => {
      service.restarts += 1;
      return service.restartWhy;
    },
  });
  return { shown, service };
}

/** A file whose parts are read at once, without a disk. @param {(string | Uint8Array)[]} parts @param {string} name @returns {any} */
function file(parts, name) {
  const whole = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return { name, size: whole.length, slice: (/** @type {number} */ from, /** @type {number} */ to) => ({ arrayBuffer: async () => Uint8Array.from(whole.subarray(from, to)).buffer }) };
}

/** Chooses and sends a file. @param {(string | Uint8Array)[]} parts @param {string} [name] */
async function offer(parts, name = 'new.raucb') {
  at('update-file').files = [file(parts, name)];
  at('update-file').dispatchEvent(new Event('change'));
  await submit('update-form');
}

/** A bundle of this version. @param {string} version */
const bundle = (version) => {
  const manifest = `[update]\nversion=${version}\n`;
  return ['hsqs', manifest, new Uint8Array([0, 0, 0, 0, 0, 0, 0, manifest.length])];
};

test('a device without an updater shows nothing of updates, and one that does not answer keeps what it said', () => {
  const { shown } = panel();
  shown.show(null);
  assert.ok(!isSeen('update'));
  shown.show(update({ state: 'restarting', words: 'Restarting into version 3.0.' }));
  shown.show(null);
  assert.equal(seen('update-words'), 'Restarting into version 3.0.');
});

test('how an update fares is told where it is seen, its percent by the bar alone', () => {
  const { shown } = panel();
  shown.show(update({ state: 'installing', percent: 40, words: 'Installing: 40 percent. Do not switch off.' }));
  assert.equal(seen('update-words'), 'An update is under way. Do not switch off.');
  assert.deepEqual([seen('update-bar-words'), at('update-bar').value], ['Installing: 40 percent. Do not switch off.', 40]);
  assert.ok(!isSeen('update-form') && !isSeen('update-restart'));

  shown.show(update({ state: 'refused', words: 'The update was refused: it is made for another device.', detail: 'compatible mismatch' }));
  assert.deepEqual([seen('update-summary'), seen('update-words')], [
    'Update: the last one was refused', 'The update was refused: it is made for another device. (compatible mismatch)',
  ]);
  assert.ok(!isSeen('update-progress') && isSeen('update-form'));
});

test('a restart is offered when one waits, with what it does, and its refusal is told', async () => {
  const { shown, service } = panel();
  shown.show(update());
  assert.ok(!isSeen('update-restart') && !isSeen('update-restart-words'));
  shown.show(update({ state: 'waiting', words: 'Version 3.0 is installed and waits for a restart.' }));
  assert.ok(isSeen('update-restart-words'));
  service.restartWhy = 'Enter the settings key first.';
  await click('update-restart');
  assert.deepEqual([service.restarts, seen('update-said')], [1, 'Enter the settings key first.']);
});

test('a board that cannot be updated says why, and takes no file', () => {
  const { shown } = panel();
  shown.show(update({ unfit: 'This Raspberry Pi\'s boot loader is older than December 2022.' }));
  assert.match(seen('update-words'), /^No update has been installed yet\. This Raspberry Pi's boot loader is older/);
  assert.ok(!isSeen('update-form'));
});

test('what is no update stays here, and says why', async () => {
  const { shown, service } = panel();
  shown.show(update());
  for (const [parts, words] of /** @type {[(string | Uint8Array)[], RegExp][]} */ ([
    [[], /^This file is empty\.$/],
    [['PK, an archive'], /^This file is no update\.$/],
    [['hsqs', new Uint8Array(4 * MIB)], /^This file is too large for an update: at most 4 MiB are taken\.$/],
  ])) {
    await offer(parts);
    assert.match(seen('update-said'), words);
  }
  at('update-file').files = [/** @type {any} */ ({ size: 9, slice: () => ({ arrayBuffer: async () => { throw new Error('it was moved'); } }) })];
  await submit('update-form');
  assert.equal(seen('update-said'), 'This file cannot be read: choose it again.');
  assert.deepEqual(service.sent, []);
  assert.ok(!at('update-button').disabled, 'another can be chosen');
});

test('a file on its way is followed, alone, whatever the service says meanwhile; then the form is empty', async () => {
  const { shown, service } = panel();
  shown.show(update());
  await offer(bundle('3.0'));
  assert.deepEqual([seen('update-said'), seen('update-bar-words'), at('update-bar').value], [
    'Sending it. Stay on this page until it has arrived.', 'Sending', 0,
  ]);
  service.progress(0.256);
  shown.show(update({ state: 'receiving', percent: 11, words: 'Receiving: 11 percent.' }));
  assert.deepEqual([seen('update-bar-words'), at('update-bar').value], ['Sending', 26]);
  assert.ok(isSeen('update-form') && at('update-button').disabled && at('update-file').disabled);
  await submit('update-form');
  assert.deepEqual(service.sent, ['new.raucb newer'], 'once');
  await service.answer('');
  assert.deepEqual([seen('update-said'), isSeen('update-progress'), at('update-file').files, at('update-button').disabled], ['', false, [], false]);
});

test('a refusal is told in the service\'s words, and the file stays chosen', async () => {
  const { shown, service } = panel();
  shown.show(update());
  const why = 'Without a settings key the system is updated within five minutes after the device is switched on by hand. Switch it off and on again.';
  await offer(bundle('3.0'));
  await service.answer(why);
  assert.deepEqual([seen('update-said'), isSeen('update-progress'), at('update-file').files.length], [why, false, 1]);
  at('update-file').dispatchEvent(new Event('change'));
  assert.equal(seen('update-said'), '', 'another file has not been refused');
});

test('an older version is asked about first, and the wish for it is for that file alone', async () => {
  const { shown, service } = panel();
  shown.show(update());
  assert.ok(!isSeen('update-older'));
  await offer(bundle('1.0'), 'old.raucb');
  assert.match(seen('update-said'), /version 1\.0, which is older than version 2\.0 that runs now/);
  assert.ok(isSeen('update-older'));
  await submit('update-form');
  assert.deepEqual(service.sent, [], 'sent without the wish');
  at('update-older-wish').checked = true;
  await submit('update-form');
  assert.deepEqual(service.sent, ['old.raucb any']);
  await service.answer('An older version is installed for whoever shows the settings key, or by root on the device.');
  assert.ok(isSeen('update-older'), 'the wish stands, the key is missing');

  await offer(bundle('1.1'), 'older.raucb');
  assert.deepEqual([at('update-older-wish').checked, service.sent.length], [false, 1], 'a wish for another file');
  at('update-older-wish').checked = true;
  await submit('update-form');
  await service.answer('');
  assert.ok(!isSeen('update-older') && !at('update-older-wish').checked);
  await offer(bundle('3.0'));
  assert.deepEqual(service.sent, ['old.raucb any', 'older.raucb any', 'new.raucb newer']);
});
