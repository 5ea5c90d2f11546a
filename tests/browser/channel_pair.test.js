/** The pair selector changes what is heard, for everyone. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { exactFrames, exactRuns } from './rig/alignment.js';
import { EXACT, RATE_HZ } from './rig/exact.js';
import { openStage } from './rig/stage.js';
import { pass, until } from './rig/until.js';

const SECONDS = 3;

const stage = await openStage('--source', 'exact:music', '--channels', '8');

test('channels 3 and 4 are heard once they are chosen', async (t) => {
  const page = await stage.chromium.open(stage.service.address);
  await page.click('#listen');
  await page.reaches('playing');
  assert.deepEqual(await choices(page), ['1–2', '3–4', '5–6', '7–8']);
  await assertHeard(t, [0, 1]);

  await page.evaluate('document.querySelector("#pair").focus()');
  await page.press('ArrowDown');
  await until('the service plays the other pair', async () => (await firstChannel()) === 3, firstChannel);
  await until('the page shows it', async () => (await page.evaluate('document.querySelector("#pair").value')) === '3', () => choices(page));
  await assertHeard(t, [2, 3]);
  assert.equal((await page.report()).problem, null);
  assert.deepEqual(page.complaints, []);
});

/** @param {import('./rig/chromium_page.js').ChromiumPage} page @returns {Promise<string[]>} */
function choices(page) {
  return page.evaluate('[...document.querySelectorAll("#pair option")].map((option) => option.text)');
}

/** @returns {Promise<number>} */
async function firstChannel() {
  return (await stage.service.status()).source.first_channel;
}

/** @param {test.TestContext} t @param {[number, number]} channels from 0 */
async function assertHeard(t, channels) {
  await pass(1000); // the fade, and what was on its way
  const recording = await stage.speakers.record();
  await pass(SECONDS * 1000);
  const sound = await recording.stop();
  const to = (await stage.service.status()).stream.frames;
  const exact = exactFrames(exactRuns(sound, EXACT.music, { from: Math.max(0, to - 20 * RATE_HZ), to, channels }));
  t.diagnostic(`channels ${channels[0] + 1} and ${channels[1] + 1}: ${(exact / RATE_HZ).toFixed(1)} s of ${SECONDS} s bit-exact`);
  assert.ok(exact > (SECONDS / 2) * RATE_HZ, `channels ${channels} are not what is heard`);
}
