/** Two people listen: both hear the same complete sound, and neither disturbs the other. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { mostAlike } from '../browser/rig/correlation.js';
import { EXACT, RATE_HZ } from '../browser/rig/exact.js';
import { RESIDUAL_DB, residualOfTwo } from '../browser/rig/resemblance.js';
import { openStage } from '../browser/rig/stage.js';
import { pass } from '../browser/rig/until.js';

const SECONDS = 5;
const LOOK_EVERY_FRAMES = RATE_HZ / 2;
/** Headroom above two times the noise (rig/resemblance.js). */
const VOLUME = 0.5;

const stage = await openStage('noise');

test('two pages at once are two whole sounds', async (t) => {
  const pages = [await stage.chromium.open(stage.service.address), await stage.chromium.open(stage.service.address)];
  // The second page gets another mode and lead, so that the two do not sound at the same time.
  await pages[1]?.evaluate('document.querySelector("input[name=mode][value=safest]").click()');
  for (const page of pages) {
    await page.setVolume(VOLUME);
    await page.click('#listen');
    await page.reaches('playing');
  }
  assert.equal(await stage.service.listeners(), 2);
  await pass(2000); // the first moments may contain corrections
  const recording = stage.speakers.record();
  await pass(SECONDS * 1000);
  const sound = recording.stop();
  for (const page of pages) assert.equal((await page.report()).state, 'playing');

  const played = stage.synth.playing(sound);
  const residuals = [];
  for (let frame = LOOK_EVERY_FRAMES; frame < sound.frames - LOOK_EVERY_FRAMES; frame += LOOK_EVERY_FRAMES) {
    const [one, other] = mostAlike(sound, frame, EXACT.noise, { to: played + frame, finds: 2 });
    if (one && other) residuals.push(residualOfTwo(sound, EXACT.noise, frame, [one.index, other.index]));
  }
  t.diagnostic(`without both sounds the recording is at ${residuals.map((db) => db.toFixed(0)).join(', ')} dB`);
  // In the other pieces one of the two pages was interrupted or spliced, or the sound server starved. No chance match explains
  // noise this well.
  assert.ok(residuals.filter((db) => db < RESIDUAL_DB).length > residuals.length / 3, 'the recording is not the sum of two whole sounds');
});
