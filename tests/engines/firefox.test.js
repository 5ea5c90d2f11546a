/** The page in Firefox. */

import test from 'node:test';
import { Firefox } from './rig/firefox.js';
import { assertListens, openEngineStage } from './rig/listening.js';

const stage = await openEngineStage('firefox-esr');

test('Firefox plays the service\'s sound', async (t) => {
  const firefox = await Firefox.start(stage.speakers);
  t.after(() => firefox.close());
  await assertListens(t, stage, firefox, 'sab');
});
