/**
 * A browser on this machine opens the page of the image in the emulator, and plays the virtual MONTAGE's counters in order, on
 * every channel. tools/image.sh starts this test and passes the address in ADDRESS.
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
/** Wait after a change of the pair: for the fade, and for sound on its way. */
const SETTLING_MS = 3000;
const LOOK_EVERY_MS = 200;
/** Time within which the service reports USB losses. */
const NAMED_MS = 4000;
/** The page counts in the same way: a break that is closer to the previous break belongs to the same glitch. */
const SAME_GLITCH_FRAMES = 4410;
/** Wait after the browser's start, during which the emulator falls behind. */
const STARTED_MS = 10_000;
/** The emulator also stalls later at times. Those losses are named, and the rest must be in order. */
const ORDERED_SHARE = 0.8;

const speakers = await Speakers.open();
after(() => speakers.close());
const chromium = await Chromium.start(speakers);
after(() => chromium.close());

test('a browser plays the counters of every channel in order, and says what is missing', async (t) => {
  const page = await chromium.open(/** @type {string} */ (process.env.ADDRESS));
  // The mode "safest" sends fewer, longer messages, which costs the busy emulator less.
  await page.evaluate('document.querySelector("input[name=mode][value=safest]").click()');
  await page.click('#listen');
  await page.reaches('playing');
  await pass(STARTED_MS);
  for (const first of PAIRS) {
    await choose(page, first);
    await pass(SETTLING_MS);
    const { log, recording } = { log: new ReportLog(), recording: speakers.record() };
    for (let look = 0; look < (SECONDS * 1000) / LOOK_EVERY_MS; look += 1) {
      log.add(nowNs(), await page.report());
      await pass(LOOK_EVERY_MS);
    }
    const sound = recording.stop();
    await pass(NAMED_MS);
    const report = await page.report();
    log.add(nowNs(), report);
    const { frames, breaks } = orderOf(sound.samples, first - 1);
    t.diagnostic(`channels ${first} and ${first + 1}: ${frames} of ${sound.frames} frames follow the one before; named ${JSON.stringify(log.namedByName())}, `
      + `breaks ${JSON.stringify(breaks)}`);
    const named = Object.values(log.namedByName()).reduce((sum, count) => sum + count, 0);
    assert.ok(frames > ORDERED_SHARE * sound.frames, `channel ${first}: ${frames} of ${sound.frames} frames are in order; the page is ${report.state} (${report.mode}), ${report.target_ms} ms behind the live edge wanted`);
    const glitches = breaks.filter(({ at }, index) => at - (breaks[index - 1]?.at ?? -Infinity) - (breaks[index - 1]?.frames ?? 0) >= SAME_GLITCH_FRAMES);
    assert.ok(glitches.length <= named, `channel ${first}: ${glitches.length} glitches, ${named} of them named`);
  }
  assert.deepEqual(page.complaints, []);
});

/** Selects a pair by keyboard, whichever pair is selected now. @param {import('../browser/rig/chromium_page.js').ChromiumPage} page @param {number} first channel of the pair */
async function choose(page, first) {
  const chosen = async () => Number(await page.evaluate('document.querySelector("#pair").value'));
  await page.evaluate('document.querySelector("#pair").focus()');
  for (let pair = await chosen(); pair !== first;) {
    await page.press(pair < first ? 'ArrowDown' : 'ArrowUp');
    pair += pair < first ? 2 : -2;
    const wanted = pair;
    await until('the page shows the pair', async () => (await chosen()) === wanted);
  }
}
