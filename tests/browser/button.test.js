/** One button: it starts, stops, starts again, by mouse and by keyboard; and without a person's hand nothing sounds. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { exactFrames, exactRuns } from './rig/alignment.js';
import { EXACT, RATE_HZ } from './rig/exact.js';
import { openStage } from './rig/stage.js';
import { pass, until } from './rig/until.js';

const stage = await openStage('--source', 'exact:noise');

test('without a gesture nothing plays, and the page says what to do', async (t) => {
  const page = await stage.chromium.open(stage.service.address);
  t.after(() => page.close());
  const recording = await stage.speakers.record();
  t.after(() => recording.stop());
  assert.equal(await page.evaluate('navigator.userActivation.hasBeenActive'), false, 'the rig itself made a gesture');
  assert.equal((await page.report()).state, 'idle');
  assert.equal(await stage.service.listeners(), 0, 'a page that does not play has no business on the network');

  // A script presses the button: browsers do not let it sound.
  await page.evaluate('document.querySelector("#listen").click()');
  await page.reaches('blocked');
  const words = await until('the page says so', () => page.text('#notice'));
  t.diagnostic(`the page says: ${words.replace(/\s+/g, ' ')}`);
  assert.match(words, /holding the sound back/);
  assert.equal(recording.soFar().peak(), 0, 'something was heard without a gesture');

  await page.click('#listen');
  await page.reaches('playing');
  await assertSounds(recording);
});

test('stop is silence and frees the service, and start plays again', async (t) => {
  const page = await stage.chromium.open(stage.service.address);
  t.after(() => page.close());
  for (const round of ['first', 'second']) {
    await page.click('#listen');
    await page.reaches('playing');
    const recording = await stage.speakers.record();
    t.after(() => recording.stop());
    await assertSounds(recording);
    assert.equal(await stage.service.listeners(), 1, round);
    await page.click('#listen');
    await assertStopped(page, recording);
  }
});

test('the keyboard does what the mouse does', async (t) => {
  const page = await stage.chromium.open(stage.service.address);
  t.after(() => page.close());
  await page.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.id'), 'listen', 'the button is not the first stop of the Tab key');
  for (const key of /** @type {const} */ ([' ', 'Enter'])) {
    const recording = await stage.speakers.record();
    t.after(() => recording.stop());
    await page.press(key);
    await page.reaches('playing');
    await assertSounds(recording);
    await page.press(key);
    await assertStopped(page, recording);
  }
});

/** A second of our own sound, sample for sample. @param {import('./rig/recording.js').Recording} recording */
async function assertSounds(recording) {
  await until('a second of the sound is heard', async () => {
    const { frames } = (await stage.service.status()).stream;
    const sound = recording.soFar();
    const first = sound.firstHeard();
    if (first === null || sound.frames - first < RATE_HZ) return false;
    return exactFrames(exactRuns(sound, EXACT.noise, { from: Math.max(0, frames - 30 * RATE_HZ), to: frames, first })) >= RATE_HZ / 2;
  }, () => recording.frames);
}

/** @param {import('./rig/chromium_page.js').ChromiumPage} page @param {import('./rig/recording.js').Recording} recording */
async function assertStopped(page, recording) {
  await page.reaches('idle');
  await until('the socket is closed', async () => (await stage.service.listeners()) === 0, () => stage.service.status());
  await pass(500); // what the browser had in hand is played
  const stopped = recording.frames;
  await pass(1000);
  const sound = await recording.stop();
  assert.equal(sound.peak(stopped), 0, 'something is heard after stop');
}
