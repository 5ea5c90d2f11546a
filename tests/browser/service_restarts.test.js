/** The service dies and returns at the same address: the page says so, and the sound returns without the user. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { EXACT, RATE_HZ } from './rig/exact.js';
import { resembles } from './rig/resemblance.js';
import { openStage } from './rig/stage.js';
import { pass, until } from './rig/until.js';

const stage = await openStage('noise');

test('a killed service is named in plain words, and heard again when it is back', async (t) => {
  const page = await stage.chromium.open(stage.service.address);
  await page.setVolume(0.6); // headroom above the noise (rig/resemblance.js)
  await page.click('#listen');
  await page.reaches('playing');
  await page.evaluate('window.sameAsBefore = true');

  await stage.service.kill();
  await page.reaches('reconnecting');
  const words = await until('the page says so', () => page.text('#notice'));
  t.diagnostic(`the page says: ${(await page.text('#line'))} / ${words.replace(/\s+/g, ' ')}`);
  assert.match(words, /No connection to Synthwire/);
  assert.match(words, /sound returns/);
  await pass(500); // the browser plays what it has buffered
  const gone = stage.speakers.record();
  await pass(1000);
  assert.equal(gone.stop().peak(), 0, 'something is heard without a service');

  const back = stage.speakers.record();
  const service = await stage.startService(stage.service.address.port);
  t.after(() => service.stop());
  await page.reaches('playing');
  await until('the sound is back', () => {
    const sound = back.soFar();
    const first = sound.frames - RATE_HZ;
    return first > 0 && resembles(sound, EXACT.noise, { first, frames: RATE_HZ / 2, ...stage.synth.near(sound.timeNs(first)) });
  }, () => page.report());
  back.stop();
  assert.equal(await page.evaluate('window.sameAsBefore'), true, 'the page was loaded anew');
  assert.equal((await page.report()).reconnects, 1);
  await until('the page no longer complains', async () => (await page.text('#notice')) === '', () => page.text('#notice'));
});
