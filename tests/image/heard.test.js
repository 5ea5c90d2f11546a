/**
 * A browser on this machine opens the page of the image that runs in the emulator, and what it plays are the virtual MONTAGE's
 * counters in order, on every channel. Started by tools/image.sh, which says where in ADDRESS.
 */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Chromium } from '../browser/rig/chromium.js';
import { Speakers } from '../browser/rig/pulse.js';
import { pass, until } from '../browser/rig/until.js';
import { ReportLog } from '../browser/rig/verdict.js';
import { nowNs } from '../browser/rig/watchdog.js';
import { orderOf } from './counters.js';

const PAIRS = [1, 3, 5, 7];
const SECONDS = 12;
/** After the pair was changed: the fade, and what was on its way. */
const SETTLING_MS = 3000;
const LOOK_EVERY_MS = 200;
/** An emulator stands still now and then; what it withholds is named, and the rest is in order. */
const ORDERED_SHARE = 0.9;

const speakers = await Speakers.open();
after(() => speakers.close());
const chromium = await Chromium.start(speakers);
after(() => chromium.close());

test('a browser plays the counters of every channel in order, and says what is missing', async (t) => {
  const page = await chromium.open(/** @type {string} */ (process.env.ADDRESS));
  await page.click('#listen');
  await page.reaches('playing');
  for (const first of PAIRS) {
    if (first > 1) {
      await page.evaluate('document.querySelector("#pair").focus()');
      await page.press('ArrowDown');
      await until('the page shows the pair', async () => (await page.evaluate('document.querySelector("#pair").value')) === String(first));
    }
    await pass(SETTLING_MS);
    const { log, recording } = { log: new ReportLog(), recording: speakers.record() };
    for (let look = 0; look < (SECONDS * 1000) / LOOK_EVERY_MS; look += 1) {
      log.add(nowNs(), await page.report());
      await pass(LOOK_EVERY_MS);
    }
    const sound = recording.stop();
    log.add(nowNs(), await page.report());
    const { frames, breaks } = orderOf(sound.samples, first - 1);
    t.diagnostic(`channels ${first} and ${first + 1}: ${frames} of ${sound.frames} frames follow the one before; named ${JSON.stringify(log.namedByName())}, `
      + `breaks ${JSON.stringify(breaks)}`);
    const named = Object.values(log.namedByName()).reduce((sum, count) => sum + count, 0);
    assert.ok(frames > ORDERED_SHARE * sound.frames, `only ${frames} of ${sound.frames} are in order`);
    assert.ok(breaks.length <= named, `${breaks.length} breaks, ${named} of them named`);
  }
  assert.deepEqual(page.complaints, []);
});
