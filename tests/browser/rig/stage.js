/**
 * The setup that most tests need: a synth, a service that captures it, a browser, and speakers. Closed after the tests of the
 * file.
 */

import { after } from 'node:test';
import { Chromium } from './chromium.js';
import { need } from './needs.js';
import { Speakers, SYNTH_DEVICE } from './pulse.js';
import { Service } from './service.js';
import { Synth } from './synth.js';

/** @typedef {() => Promise<void>} Closing */

/**
 * Both ends share one clock: the synth runs on the speakers' clock and is captured like a sound card. Call this while the file
 * loads: hooks that a hook registers run as soon as that hook has ended.
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

/** A service that plays by its own clock instead of the speakers' clock. @param {...string} serviceWords its command line */
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
