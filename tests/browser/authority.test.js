/**
 * A state folder with damaged files: the page shows the service's own messages. It makes a new authority for a user who has the
 * settings key and has read what that does. The test uses the keyboard only.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openTwoClockStage } from './rig/stage.js';
import { until } from './rig/until.js';

const KEY = 'open sesame';
/** The hash of KEY, as `synthwire key` prints it. */
const HASH = JSON.parse(readFileSync(new URL('../vectors/state/0.1.0/access.json', import.meta.url), 'utf8')).listening_key;

const folder = mkdtempSync(join(tmpdir(), 'synthwire-damaged-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const name of ['authority.json', 'settings.json', 'access.json']) writeFileSync(join(folder, name), '{');
const config = join(folder, 'synthwire.toml');
writeFileSync(config, `settings_key = "${HASH}"\ndscp = 99\n`);
const stage = await openTwoClockStage('--source', 'exact:noise', '--listen-tls', '127.0.0.1:0', '--state', folder, '--config', config);


/** @typedef {import('./rig/chromium_page.js').ChromiumPage} Page */

test('what is damaged is told on the page, a new authority is made for whoever has the key and says so twice', async (t) => {
  const [page, late] = [await stage.chromium.open(stage.service.address), await stage.chromium.open(stage.service.address)];
  t.after(() => page.close());
  t.after(() => late.close());
  await says(page, '#door-label', /A key is needed/);
  await page.click('#access > summary');
  await says(page, '#access-words', /^Nobody may listen: access\.json in the state folder, .*cannot be understood/);
  assert.equal(await page.text('#authority'), '', 'told to somebody who may not even listen');

  // The listening key is lost, so the settings key opens both.
  await page.evaluate('document.querySelector("#settings-form-key").focus()');
  await page.type(KEY);
  await page.press('Enter');
  await until('the door is open', async () => await page.text('#door') === '');
  await says(page, '#device-notices', /settings\.json in the state folder is damaged/);
  const notices = await page.evaluate('[...document.querySelectorAll("#device-notices li")].map((item) => item.innerText)');
  assert.deepEqual(notices, (await status()).notices);
  for (const words of [/^Nobody may listen/, /^authority\.json in the state folder cannot be used/, /^Configuration, .*dscp is 99/]) {
    assert.ok(notices.some((/** @type {string} */ notice) => words.test(notice)), `${words}: ${notices.join(' | ')}`);
  }

  await says(page, '#authority-words', /No browser trusts the certificate/);
  await ask(page);
  assert.match(await page.text('#authority-asks'), /warning until somebody opens .* installs the new certificate/);
  assert.equal(await focused(page), 'authority-keep', 'a press too much would do it');
  await page.press('Escape');
  assert.equal(await focused(page), 'authority-button', 'who has second thoughts is back where they were');
  assert.equal(readFileSync(join(folder, 'authority.json'), 'utf8'), '{');

  // Another user asks for a new authority at the same time (the browser holds the key).
  await late.evaluate('document.querySelector("#access").open = true');
  await says(late, '#authority-button', /Make a new certificate/);
  await ask(late);

  await ask(page);
  await page.press('Tab');
  assert.equal(await focused(page), 'authority-make');
  await page.press('Enter');
  await says(page, '#authority-words', /^This device has a new certificate\. Install it on each phone and computer/);
  assert.equal(await focused(page), 'authority-words');
  assert.deepEqual([await page.text('#authority-button'), await page.text('#authority-asks')], ['', '']);
  assert.equal(readFileSync(join(folder, 'authority.json.damaged'), 'utf8'), '{');
  assert.match(JSON.parse(readFileSync(join(folder, 'authority.json'), 'utf8')).key, /PRIVATE KEY/);
  await until('the notice is gone', async () => !/authority\.json/.test(await page.text('#device-notices')));
  assert.equal((await fetch(new URL('/trust/synthwire.crt', stage.service.address))).status, 200, 'nothing to install');

  await late.press('Tab');
  await late.press('Enter');
  await says(late, '#authority-asks-said', /^There is no authority here that has to be replaced\.$/);
  // A user with the settings key sets the lost listening key again, and both forms work as before.
  await page.evaluate('document.querySelector("#listening-form-key").focus()');
  await page.type('the whole band');
  await page.press('Enter');
  await says(page, '#access-words', /^Listening needs a key, and changing the channels needs another/);
  assert.match(JSON.parse(readFileSync(join(folder, 'access.json'), 'utf8')).listening_key, /^\$argon2id\$/);

  // The browser logs failed requests: the status without the key, and the refusal above.
  const complaints = [...page.complaints, ...late.complaints].filter((words) => !/ 401 .*\/api\/status$/.test(words));
  assert.equal(complaints.length, 1, complaints.join('; '));
  assert.match(complaints[0] ?? '', / 400 .*\/api\/authority$/);
});

/** Presses, by keyboard, the button that only asks for confirmation. @param {Page} page */
async function ask(page) {
  await page.evaluate('document.querySelector("#authority-button").focus()');
  await page.press('Enter');
  await until('it is asked', () => page.evaluate('document.querySelector("#authority-asks").matches(":modal")'));
}

/** @param {Page} page @returns {Promise<string>} */
function focused(page) {
  return page.evaluate('document.activeElement.id');
}

/** @param {Page} page @param {string} selector @param {RegExp} words */
async function says(page, selector, words) {
  await until(`${selector} says ${words}`, async () => words.test(await page.text(selector)), () => page.text(selector));
}

/** @returns {Promise<any>} the status that a holder of the key gets */
async function status() {
  return (await fetch(new URL('/api/status', stage.service.address), { headers: { Authorization: `Bearer ${KEY}` } })).json();
}
