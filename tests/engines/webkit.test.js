/** The page in WebKitGTK: with shared memory, and with its defaults (isolated, but without SharedArrayBuffer). */

import test from 'node:test';
import { assertListens, openEngineStage } from './rig/listening.js';
import { WebKit } from './rig/webkit.js';

const stage = await openEngineStage('WebKitWebDriver', 'Xvfb');

test('WebKit plays the service\'s sound through shared memory', async (t) => {
  const webkit = await WebKit.start(stage.speakers, { JSC_useSharedArrayBuffer: '1' });
  t.after(() => webkit.close());
  await assertListens(t, stage, webkit, 'sab');
});

test('WebKit plays the service\'s sound by messages where it has no shared memory', async (t) => {
  const webkit = await WebKit.start(stage.speakers, {});
  t.after(() => webkit.close());
  await assertListens(t, stage, webkit, 'port');
});
