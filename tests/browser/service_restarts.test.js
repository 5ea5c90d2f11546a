/** The service dies and comes back at the same address: the page says so, and the sound returns by itself. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { exactFrames, exactRuns } from './rig/alignment.js';
import { EXACT, RATE_HZ } from './rig/exact.js';
import { Service } from './rig/service.js';
import { openStage } from './rig/stage.js';
import { pass, until } from './rig/until.js';

const stage = await openStage('--source', 'exact:noise');

test('a killed service is named in plain words, and heard again when it is back', async (t) => {
  const page = await stage.chromium.open(stage.service.address);
  await page.click('#listen');
  await page.reaches('playing');
  await page.evaluate('window.sameAsBefore = true');

  await stage.service.kill();
  await page.reaches('reconnecting');
  const words = await until('the page says so', () => page.text('#notice'));
  t.diagnostic(`the page says: ${(await page.text('#line'))} / ${words.replace(/\s+/g, ' ')}`);
  assert.match(words, /No connection to Synthwire/);
  assert.match(words, /comes by itself/);
  await pass(500); // what the browser had in hand is played
  const gone = await stage.speakers.record();
  await pass(1000);
  assert.equal((await gone.stop()).peak(), 0, 'something is heard without a service');

  const back = await stage.speakers.record();
  const service = await Service.start(['--source', 'exact:noise'], stage.service.address.port);
  t.after(() => service.stop());
  await page.reaches('playing');
  await pass(3000);
  const sound = await back.stop();
  const { frames } = (await service.status()).stream;
  const exact = exactFrames(exactRuns(sound, EXACT.noise, { from: 0, to: frames, first: sound.firstHeard() ?? 0 }));
  t.diagnostic(`${(exact / RATE_HZ).toFixed(1)} s bit-exact after the service came back`);
  assert.ok(exact > RATE_HZ, 'the sound did not come back');
  assert.equal(await page.evaluate('window.sameAsBefore'), true, 'the page was loaded anew');
  assert.equal((await page.report()).reconnects, 1);
  await until('the page no longer complains', async () => (await page.text('#notice')) === '', () => page.text('#notice'));
});
