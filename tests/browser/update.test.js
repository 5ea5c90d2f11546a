/**
 * An update from the page: the user chooses and sends a file. The page shows what the device's updater says, also to a screen
 * reader.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { need } from './rig/needs.js';
import { mayBeRealTime } from './rig/process.js';
import { Service } from './rig/service.js';
import { openTwoClockStage } from './rig/stage.js';
import { until } from './rig/until.js';

const folder = mkdtempSync(join(tmpdir(), 'synthwire-update-page-'));
/** Writes a status as the system's updater does. @param {object} said */
const says = (said) => {
  writeFileSync(join(folder, 'new'), JSON.stringify(said));
  renameSync(join(folder, 'new'), join(folder, 'state.json'));
};
says({ state: 'idle' });
writeFileSync(join(folder, 'running'), '2.0\n');
need('unshare');
const stage = await openTwoClockStage('--source', 'exact:noise');

test('a bundle goes from the page to the updater, and the page follows it to the restart', { skip: !mayBeRealTime() && 'needs root' }, async (t) => {
  t.after(() => rmSync(folder, { recursive: true }));
  // No key is set, so anybody may update for a short time after power-up.
  const service = await Service.start(['--source', 'exact:noise', '--state', join(folder, 'state'), '--updater', folder], { upS: 60 });
  t.after(() => service.stop());
  const page = await stage.chromium.open(service.address.href);
  /** @param {string} selector @param {RegExp} words */
  const shows = (selector, words) => until(`${selector} says ${words}`, async () => words.test(await page.text(selector)), () => page.text(selector));
  await shows('#update-summary', /^Update$/);
  await page.evaluate('document.querySelector("#update-summary").focus()');
  await page.press('Enter');
  await shows('#update-words', /No update has been installed yet/);

  /** Chooses a file, as a click on the file field does. @param {string} parts of a file, as JavaScript */
  const choose = (parts) => page.evaluate(`(() => { const files = new DataTransfer();
    files.items.add(new File(${parts}, 'new.raucb'));
    const field = document.querySelector('#update-file');
    field.files = files.files;
    field.dispatchEvent(new Event('change')); })()`);
  await choose("['PK, an archive']");
  await page.click('#update-button');
  await shows('#update-said', /^This file is no update\.$/);
  await choose("['hsqs', '[update]\\nversion=1.0\\n', new Uint8Array([0, 0, 0, 0, 0, 0, 0, 21])]");
  await page.click('#update-button');
  await shows('#update-said', /version 1\.0, which is older than version 2\.0 that runs now/);
  await page.click('#update-older-wish');
  await page.click('#update-button');
  await shows('#update-said', /Only the holder of the settings key, or root on the device, can install an older version/);
  await choose("['hsqs', new Uint8Array(3000000).fill(7)]");
  await page.click('#update-button');
  const bundle = join(folder, 'state', 'update.raucb');
  const sent = await until('it has arrived', () => { try { return readFileSync(bundle); } catch { return null; } });
  assert.ok(sent.length === 3000004 && sent.subarray(4).every((byte) => byte === 7));
  rmSync(bundle); // the updater has taken it

  says({ state: 'installing', percent: 40 });
  await shows('#update-bar-words', /^Installing: 40 percent/);
  assert.equal(await page.evaluate('document.querySelector("#update-bar").value'), 40);
  assert.equal(await page.text('#update-button'), '', 'no second file while one is installed');
  says({ state: 'waiting', version: '2.0' });
  await shows('#update-summary', /a new version waits for a restart/);
  await shows('#update-words', /^Version 2\.0 is installed and waits for a restart\.$/);
  await page.click('#update-restart');
  await until('the wish is there', () => { try { return readFileSync(join(folder, 'state', 'update.restart')).length === 0; } catch { return false; } });

  says({ state: 'fell_back', version: '2.0', reason: 'no_start' });
  await shows('#update-summary', /the version before is back/);
  await shows('#update-words', /^Version 2\.0 did not start, so the version before is back\.$/);
  assert.equal(await page.text('#update-restart'), '');
  // The refusal above, which the browser logs as a failed request.
  assert.equal(page.complaints.length, 1, page.complaints.join('; '));
  assert.match(page.complaints[0] ?? '', /403 .*age=any$/);
});
