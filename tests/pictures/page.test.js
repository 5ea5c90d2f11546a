/** Takes the pictures of the page for the documents, with the demo instrument, after some minutes of playing. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { openTwoClockStage } from '../browser/rig/stage.js';
import { pass } from '../browser/rig/until.js';

const FOLDER = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
/** Time in which the delay settles, and after which its graph shows only the settled delay. */
const PLAYING_MS = 150_000;

const stage = await openTwoClockStage('--demo');

test('the page plays, and is taken on a desk and on a phone', async (t) => {
  const page = await stage.chromium.open(stage.service.address);
  t.after(() => page.close());
  await page.click('#listen');
  await page.reaches('playing');
  await pass(PLAYING_MS);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}page.png`, await page.picture({ width: 960, height: 830 }));
  writeFileSync(`${FOLDER}page-phone.png`, await page.picture({ width: 390, height: 840, scheme: 'light' }));
  assert.deepEqual(page.complaints, []);
  assert.equal((await page.report()).state, 'playing');
});
