/** Two people listen: both hear the same sound, whole, and neither hears of the other. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { mostAlike } from './rig/correlation.js';
import { EXACT, RATE_HZ } from './rig/exact.js';
import { capturedBy } from './rig/service.js';
import { openStage } from './rig/stage.js';
import { pass } from './rig/until.js';

const SECONDS = 4;
const LOOK_EVERY_FRAMES = RATE_HZ / 2;
const WINDOW_FRAMES = 256;

const stage = await openStage('--source', 'exact:noise');

test('two pages at once are two whole sounds, sample for sample', async (t) => {
  const pages = [await stage.chromium.open(stage.service.address), await stage.chromium.open(stage.service.address)];
  for (const page of pages) {
    await page.click('#listen');
    await page.reaches('playing');
  }
  assert.equal(await stage.service.listeners(), 2);
  await pass(2000); // the first moments may hold corrections
  const recording = await stage.speakers.record();
  await pass(SECONDS * 1000);
  const sound = await recording.stop();
  const captured = await stage.service.captured();
  for (const page of pages) assert.equal((await page.report()).state, 'playing');

  let exact = 0;
  let looks = 0;
  for (let frame = LOOK_EVERY_FRAMES; frame < sound.frames - LOOK_EVERY_FRAMES; frame += LOOK_EVERY_FRAMES) {
    const to = capturedBy(captured, sound.timeNs(frame));
    const [one, other] = mostAlike(sound, frame, EXACT.noise, { to, finds: 2 });
    looks += 1;
    if (one && other && (isSum(sound, frame, one.index, other.index) || isSum(sound, frame, one.index, one.index))) exact += 1;
  }
  t.diagnostic(`in ${exact} of ${looks} looks the recording is the exact sum of both`);
  // Elsewhere one of the two was being corrected, or the sound server starved: 256 frames of noise agree by no chance.
  assert.ok(exact > looks / 3, 'the recording is not the sum of two whole sounds');
});

/**
 * @param {import('./rig/recording.js').Sound} sound @param {number} frame
 * @param {number} one @param {number} other the source's frames that sound there
 * @returns {boolean} for a while from there on, the recording is their sum
 */
function isSum(sound, frame, one, other) {
  for (let at = 0; at < WINDOW_FRAMES; at += 1) {
    for (const side of [0, 1]) {
      const sum = (EXACT.noise(one + at, side) + EXACT.noise(other + at, side)) / 32768;
      const heard = /** @type {number} */ (sound.samples[2 * (frame + at) + side]);
      // Two loud sounds may be more than full scale, where a mixer may clip.
      if (heard !== sum && !(Math.abs(sum) >= 0.999 && Math.abs(heard) >= 0.999)) return false;
    }
  }
  return true;
}
