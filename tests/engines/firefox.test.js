/** The page in Firefox: with shared memory, and with messages where a proxy drops the isolation headers. */

import test from 'node:test';
import { BareProxy } from '../browser/rig/bare_proxy.js';
import { Firefox } from './rig/firefox.js';
import { assertListens, openEngineStage } from './rig/listening.js';

const stage = await openEngineStage('firefox-esr');

test('Firefox plays the service\'s sound through shared memory', async (t) => {
  const firefox = await Firefox.start(stage.speakers);
  t.after(() => firefox.close());
  await assertListens(t, stage, firefox, 'sab');
});

test('Firefox plays the service\'s sound by messages where the page is not isolated', async (t) => {
  const proxy = await BareProxy.start(stage.service.address);
  t.after(() => proxy.close());
  const firefox = await Firefox.start(stage.speakers);
  t.after(() => firefox.close());
  await assertListens(t, stage, firefox, 'port', proxy.address);
});
