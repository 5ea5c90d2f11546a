/** The listen button starts, stops and starts again, by mouse and by keyboard. Without a user's gesture nothing plays. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { EXACT, RATE_HZ } from './rig/exact.js';
import { resembles } from './rig/resemblance.js';
import { openStage } from './rig/stage.js';
import { pass, until } from './rig/until.js';

/** Headroom above the noise (rig/resemblance.js). */
const VOLUME = 0.6;

const stage = await openStage('noise');

test('without a gesture nothing plays, and the page says what to do', async (t) => {
  const page = await openPage(t);
  const recording = stage.speakers.record();
  t.after(() => recording.stop());
  assert.equal(await page.evaluate('navigator.userActivation.hasBeenActive'), false, 'the rig itself made a gesture');
  assert.equal((await page.report()).state, 'idle');
  assert.equal(await stage.service.listeners(), 0, 'a page that does not play has no business on the network');

  // A script presses the button: browsers allow no sound then.
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
  const page = await openPage(t);
  for (const round of ['first', 'second']) {
    await page.click('#listen');
    await page.reaches('playing');
    const recording = stage.speakers.record();
    t.after(() => recording.stop());
    await assertSounds(recording);
    assert.equal(await stage.service.listeners(), 1, round);
    await page.click('#listen');
    await assertStopped(page, recording);
  }
});

test('the keyboard does what the mouse does', async (t) => {
  const page = await openPage(t);
  await page.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.id'), 'listen', 'the button is not the first stop of the Tab key');
  for (const key of /** @type {const} */ ([' ', 'Enter'])) {
    const recording = stage.speakers.record();
    t.after(() => recording.stop());
    await page.press(key);
    await page.reaches('playing');
    await assertSounds(recording);
    await page.press(key);
    await assertStopped(page, recording);
  }
});

/** @param {test.TestContext} t */
async function openPage(t) {
  const page = await stage.chromium.open(stage.service.address);
  t.after(() => page.close());
  await page.setVolume(VOLUME);
  return page;
}

/** Checks that the known sound plays, at any speed. @param {import('./rig/recording.js').Recording} recording */
async function assertSounds(recording) {
  await until('half a second of the sound is heard in one piece', async () => {
    const sound = recording.soFar();
    const first = sound.frames - RATE_HZ;
    return first > 0 && resembles(sound, EXACT.noise, { first, frames: RATE_HZ / 2, ...stage.synth.near(sound.timeNs(first)) });
  }, () => recording.frames);
}

/** @param {import('./rig/chromium_page.js').ChromiumPage} page @param {import('./rig/recording.js').Recording} recording */
async function assertStopped(page, recording) {
  await page.reaches('idle');
  await until('the socket is closed', async () => (await stage.service.listeners()) === 0, () => stage.service.status());
  await pass(500); // the browser plays what it has buffered
  const stopped = recording.frames;
  await pass(1000);
  const sound = recording.stop();
  assert.equal(sound.peak(stopped), 0, 'something is heard after stop');
}
