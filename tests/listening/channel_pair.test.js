/** The pair selector changes the sound for all listeners. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { exactFrames, exactRuns } from '../browser/rig/alignment.js';
import { EXACT, RATE_HZ } from '../browser/rig/exact.js';
import { openStage } from '../browser/rig/stage.js';
import { pass, until } from '../browser/rig/until.js';

const SECONDS = 3;
const ATTEMPTS = 15;

const stage = await openStage('music', 8);

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

/** @param {import('../browser/rig/chromium_page.js').ChromiumPage} page @returns {Promise<string[]>} */
function choices(page) {
  return page.evaluate('[...document.querySelectorAll("#pair option")].map((option) => option.text)');
}

/** @returns {Promise<number>} */
async function firstChannel() {
  return (await stage.service.status()).source.first_channel;
}

/**
 * Checks that the sound is exact as soon as the reader rests. On a busy machine the reader may move at any moment, and then rest
 * again.
 *
 * @param {test.TestContext} t @param {[number, number]} channels from 0
 */
async function assertHeard(t, channels) {
  for (let attempt = 1; ; attempt += 1) {
    await pass(1000); // the fade, and sound on its way
    const recording = stage.speakers.record();
    await pass(SECONDS * 1000);
    const sound = recording.stop();
    const exact = exactFrames(exactRuns(sound, EXACT.music, { from: 0, to: stage.synth.near(sound.timeNs(sound.frames)).to, channels }));
    t.diagnostic(`channels ${channels[0] + 1} and ${channels[1] + 1}: ${(exact / RATE_HZ).toFixed(1)} s of ${SECONDS} s bit-exact`);
    if (exact > (SECONDS / 2) * RATE_HZ) return;
    assert.ok(attempt < ATTEMPTS, `channels ${channels} are not what is heard`);
  }
}
