/**
 * All that most tests need: speakers, a browser that plays into them, a service. Closed after the tests of the file.
 */

import { after } from 'node:test';
import { Chromium } from './chromium.js';
import { need } from './needs.js';
import { Speakers } from './pulse.js';
import { Service } from './service.js';

/**
 * Call it while the file loads: a hook's own hooks run when that hook is done.
 *
 * @param {string[]} serviceWords its command line
 * @returns {Promise<{speakers: Speakers, chromium: Chromium, service: Service}>}
 */
export async function openStage(...serviceWords) {
  need('chromium', 'pulseaudio', 'pactl', 'parec', 'chrt', 'setpriv', 'taskset');
  /** @type {(() => Promise<void>)[]} */
  const closings = [];
  after(async () => {
    for (const close of closings.reverse()) await close();
  });
  const speakers = await Speakers.open();
  closings.push(() => speakers.close());
  const service = await Service.start(serviceWords);
  closings.push(() => service.stop());
  const chromium = await Chromium.start(speakers);
  closings.push(() => chromium.close());
  return { speakers, chromium, service };
}
