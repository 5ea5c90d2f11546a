/**
 * All that most tests need: a synth, a service that hears it, a browser, speakers. Closed after the tests of the file.
 */

import { after } from 'node:test';
import { Chromium } from './chromium.js';
import { need } from './needs.js';
import { Speakers, SYNTH_DEVICE } from './pulse.js';
import { Service } from './service.js';
import { Synth } from './synth.js';

/** @typedef {() => Promise<void>} Closing */

/**
 * One clock for both ends: a synth on the clock of the speakers, captured as a sound card's is. Call it while the file loads:
 * a hook's own hooks run when that hook is done.
 *
 * @param {import('./exact.js').Pattern} pattern what the synth plays @param {number} [synthChannels]
 */
export async function openStage(pattern, synthChannels = 2) {
  const { speakers, closings } = await openSpeakers(synthChannels);
  const synth = await Synth.start(speakers, pattern);
  closings.push(() => synth.stop());
  const startService = (port = '0') => Service.start(
    ['--device', SYNTH_DEVICE, '--channels', String(synthChannels)], { port, env: speakers.serviceEnvironment });
  const service = await startService();
  closings.push(() => service.stop());
  const chromium = await Chromium.start(speakers);
  closings.push(() => chromium.close());
  return { speakers, synth, service, startService, chromium };
}

/** A service that plays by its own clock, which is not that of the speakers. @param {...string} serviceWords its command line */
export async function openTwoClockStage(...serviceWords) {
  const { speakers, closings } = await openSpeakers(2);
  const service = await Service.start(serviceWords);
  closings.push(() => service.stop());
  const chromium = await Chromium.start(speakers);
  closings.push(() => chromium.close());
  return { speakers, service, chromium };
}

/** @param {number} synthChannels @returns {Promise<{speakers: Speakers, closings: Closing[]}>} */
async function openSpeakers(synthChannels) {
  need('chromium', 'pulseaudio', 'pactl', 'parec', 'chrt', 'setpriv', 'taskset');
  /** @type {Closing[]} */
  const closings = [];
  after(async () => {
    for (const close of closings.reverse()) await close();
  });
  const speakers = await Speakers.open(synthChannels);
  closings.push(() => speakers.close());
  return { speakers, closings };
}
