/**
 * The keys on the page: setting the first key within five minutes after power-on, and then who may do what. Needs root: a device
 * that was just switched on is simulated by a clock which has just started.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { need } from './rig/needs.js';
import { mayBeRealTime } from './rig/process.js';
import { Service } from './rig/service.js';
import { openTwoClockStage } from './rig/stage.js';
import { until } from './rig/until.js';

/** @typedef {import('./rig/chromium_page.js').ChromiumPage} Page */

const KEYS = { settings: 'only the owner', listening: 'the whole band' };
const SOURCE = ['--source', 'exact:noise'];

need('unshare');
const folder = mkdtempSync(join(tmpdir(), 'synthwire-keys-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const stage = await openTwoClockStage(...SOURCE, '--state', join(folder, 'old'));

test('who has just switched the device on sets its keys, and then they are asked for', { skip: !mayBeRealTime() && 'needs root' }, async (t) => {
  const service = await Service.start([...SOURCE, '--state', join(folder, 'new')], { upS: 60 });
  t.after(() => service.stop());
  const owner = await stage.chromium.open(service.address);
  t.after(() => owner.close());
  await owner.click('#access > summary');
  await says(owner, '#access-words', /No key is set.* A first key can be set here for 4 more minutes/);

  for (const [purpose, rule] of /** @type {const} */ ([
    ['settings', /Anyone on this network may listen. Changing the channels needs a key/],
    ['listening', /Listening needs a key, and changing the channels needs another/],
  ])) {
    await enter(owner, `${purpose}-form`, KEYS[purpose]);
    await says(owner, '#access-words', rule);
    await says(owner, `#${purpose}-form-label`, /^New /);
  }
  assert.equal(await owner.text('#door'), '', 'who set the key is asked for it');

  // To the browser, the same service under another name is another origin, so this page belongs to a stranger.
  const stranger = await stage.chromium.open(new URL(`http://localhost:${service.address.port}/`));
  t.after(() => stranger.close());
  await says(stranger, '#door-label', /A key is needed to listen here/);
  await stranger.click('#listen');
  assert.equal(await stranger.evaluate('document.activeElement.id'), 'door-key', 'the button leads to where the key goes');
  await enter(stranger, 'door', KEYS.settings.toUpperCase());
  await says(stranger, '#door-said', /This key is wrong/);
  assert.equal(await listenersOf(service, KEYS.listening), 0);
  await enter(stranger, 'door', KEYS.listening);
  await until('the door opens', async () => await stranger.text('#door') === '');
  await stranger.click('#listen');
  await stranger.reaches('playing');
  assert.equal(await listenersOf(service, KEYS.listening), 1);
  await stranger.click('#access > summary');
  await says(stranger, '#settings-form-button', /^Enter$/);
  assert.equal(await stranger.text('#listening-form'), '', 'a listener may change the key');
});

test('on a device that has been on for long no first key can be set, and the page says how it could', async (t) => {
  const page = await stage.chromium.open(stage.service.address);
  t.after(() => page.close());
  await page.click('#access > summary');
  await says(page, '#access-words', /A key can be set here in the first five minutes after the device is switched on by hand/);
  for (const form of ['#settings-form', '#listening-form', '#door']) assert.equal(await page.text(form), '', form);
});

/** @param {Page} page @param {string} form @param {string} key */
async function enter(page, form, key) {
  await page.click(`#${form}-key`);
  // Meanwhile numbers and a plot appear above the form and move the form away from the mouse. So the test uses the
  // keyboard.
  await page.evaluate(`(field => (field.focus(), field.select()))(document.querySelector('#${form}-key'))`);
  await page.type(key);
  await page.press('Enter');
}

/** @param {Page} page @param {string} selector @param {RegExp} words */
async function says(page, selector, words) {
  await until(`${selector} says ${words}`, async () => words.test(await page.text(selector)), () => page.text(selector));
}

/** @param {Service} service @param {string} key @returns {Promise<number>} */
async function listenersOf(service, key) {
  const answer = await fetch(new URL('/api/status', service.address), { headers: { Authorization: `Bearer ${key}` } });
  return (await answer.json()).listeners.now;
}
