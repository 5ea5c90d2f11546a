/** The one test that every engine must pass: it loads the page, connects, is clicked, and is heard. */

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { exactFrames, exactRuns } from '../../browser/rig/alignment.js';
import { mostAlike } from '../../browser/rig/correlation.js';
import { EXACT, RATE_HZ } from '../../browser/rig/exact.js';
import { need } from '../../browser/rig/needs.js';
import { Speakers } from '../../browser/rig/pulse.js';
import { capturedBy, Service } from '../../browser/rig/service.js';
import { pass, until } from '../../browser/rig/until.js';

const SECONDS = 5;
/** So alike by chance: never (2048 frames of noise). So alike when an engine resamples or dithers on its way: easily. */
const ALIKE = 0.9;

/**
 * @typedef {object} Engine
 * @property {string} name @property {(url: URL) => Promise<void>} load @property {(expression: string) => Promise<any>} evaluate
 * @property {(selector: string) => Promise<number>} click @property {() => Promise<void>} close
 */

/** @param {string[]} programs the engine's @returns {Promise<{speakers: Speakers, service: Service}>} closed after the file's tests */
export async function openEngineStage(...programs) {
  need(...programs, 'pulseaudio', 'pactl', 'parec', 'chrt', 'setpriv');
  const speakers = await Speakers.open();
  const service = await Service.start(['--source', 'exact:noise']);
  after(async () => {
    await service.stop();
    await speakers.close();
  });
  return { speakers, service };
}

/**
 * @param {import('node:test').TestContext} t @param {{speakers: Speakers, service: Service}} stage @param {Engine} engine
 * @param {'sab' | 'port'} transport
 */
export async function assertListens(t, { speakers, service }, engine, transport) {
  await engine.load(service.address);
  await until('the page has begun', () => engine.evaluate('typeof window.synthwire === "object"'));
  const report = () => engine.evaluate('window.synthwire.report()');
  const before = await speakers.record();
  t.after(() => before.stop());
  assert.equal((await report()).state, 'idle');
  const clickedNs = await engine.click('#listen');
  await until('the page is playing', async () => (await report()).state === 'playing', report);
  await until('something is heard', () => before.soFar().firstHeard() !== null, () => 'silence');
  const start = await before.stop();
  const heardMs = (start.timeNs(start.firstHeard() ?? 0) - clickedNs) / 1e6;

  await pass(1000);
  const recording = await speakers.record();
  await pass(SECONDS * 1000);
  const sound = await recording.stop();
  const captured = await service.captured();
  const { state, transport: path, context_rate: rate, delay_ms: delay, glitches } = await report();
  const middle = Math.round(sound.frames / 2);
  const then = capturedBy(captured, sound.timeNs(middle));
  const finds = [0, 1].map((channel) => mostAlike(sound, middle, EXACT.noise, { to: then, channel })[0]);
  const likeness = finds.map((find) => find?.likeness ?? 0);
  // The recorder hears a sound when it is given to the sound server's sink, some ms before a sound card would play it.
  const behindMs = ((then - (finds[0]?.index ?? NaN)) * 1000) / RATE_HZ;
  const runs = exactRuns(sound, EXACT.noise, { from: Math.max(0, captured.frames - (SECONDS + 10) * RATE_HZ), to: captured.frames });

  t.diagnostic(`${engine.name}: ${path}, ${heardMs.toFixed(0)} ms from click to first sound, delay ${delay?.toFixed(1)} ms `
    + `(recorded ${behindMs.toFixed(1)} ms), likeness ${likeness.map((one) => one.toFixed(4)).join(' and ')}, `
    + `${(exactFrames(runs) / RATE_HZ).toFixed(1)} s of ${(sound.frames / RATE_HZ).toFixed(1)} s bit-exact`);
  t.diagnostic(`glitches ${JSON.stringify(Object.fromEntries(Object.entries(glitches).filter(([, count]) => count !== 0)))}`);
  assert.deepEqual([state, path, rate], ['playing', transport, RATE_HZ]);
  for (const one of likeness) assert.ok(one > ALIKE, `what is heard is not the service's sound: likeness ${likeness}`);
}
