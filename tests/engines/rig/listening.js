/** The test that every engine must pass: load the page, connect, click, hear sound, and check that the page reports it correctly. */

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { EXACT, RATE_HZ } from '../../browser/rig/exact.js';
import { need } from '../../browser/rig/needs.js';
import { Speakers, SYNTH_DEVICE } from '../../browser/rig/pulse.js';
import { pieces, REACH_FRAMES } from '../../browser/rig/resemblance.js';
import { Service } from '../../browser/rig/service.js';
import { Synth } from '../../browser/rig/synth.js';
import { pass, until } from '../../browser/rig/until.js';

const SECONDS = 20;
/** Time to learn the clocks and for outputs to settle. */
const SETTLING_MS = 5000;
/** Headroom above the noise (browser/rig/resemblance.js). */
const VOLUME = 0.6;
/** Minimum correlation with the noise. Every engine reaches it, even if it mixes or dithers; a chance match does not. */
const RESIDUAL_DB = -40;
/** The rest may be interrupted: how often an engine fails on a busy machine is printed, not judged. */
const HEARD_SHARE_MIN = 0.5;
/** Upper bounds of plausible values. */
const SANE = { delay_ms: [1, 2000], level_ms: [1, 1100], target_ms: [1, 1100], required_lead_ms: [0, 1500], rate_ppm: [-1100, 1100], drift_ppm: [-1100, 1100] };

/**
 * @typedef {object} Engine
 * @property {string} name @property {(url: URL) => Promise<void>} load @property {(expression: string) => Promise<any>} evaluate
 * @property {(selector: string) => Promise<number>} click @property {() => Promise<void>} close
 *
 * @typedef {{speakers: Speakers, synth: Synth, service: Service}} EngineStage
 */

/**
 * @param {string[]} programs that the engine needs
 * @returns {Promise<EngineStage>} one clock for both ends; closed after the file's tests
 */
export async function openEngineStage(...programs) {
  need(...programs, 'pulseaudio', 'pactl', 'parec', 'chrt', 'setpriv');
  /** @type {(() => Promise<void>)[]} */
  const closings = [];
  after(async () => {
    for (const close of closings.reverse()) await close();
  });
  const speakers = await Speakers.open();
  closings.push(() => speakers.close());
  const synth = await Synth.start(speakers, 'noise');
  closings.push(() => synth.stop());
  const service = await Service.start(['--device', SYNTH_DEVICE, '--channels', '2'], { env: speakers.serviceEnvironment });
  closings.push(() => service.stop());
  return { speakers, synth, service };
}

/**
 * @param {import('node:test').TestContext} t @param {EngineStage} stage @param {Engine} engine
 * @param {'sab' | 'port'} transport @param {URL} [address] of the page, if not the service's own
 */
export async function assertListens(t, { speakers, synth, service }, engine, transport, address = service.address) {
  await engine.load(address);
  await until('the page has begun', () => engine.evaluate('typeof window.synthwire === "object"'));
  const report = () => engine.evaluate('window.synthwire.report()');
  assert.equal((await report()).state, 'idle');
  await engine.evaluate(`(document.querySelector("#volume").value = "${VOLUME}", document.querySelector("#volume").dispatchEvent(new Event("input")))`);
  const first = speakers.record();
  t.after(() => first.stop());
  const clickedNs = await engine.click('#listen');
  await until('the page is playing', async () => (await report()).state === 'playing', report);
  await until('something is heard', () => first.soFar().firstHeard() !== null, () => 'silence');
  const start = first.stop();
  const heardMs = (start.timeNs(start.firstHeard() ?? 0) - clickedNs) / 1e6;

  await pass(SETTLING_MS);
  const before = await report();
  const recording = speakers.record();
  t.after(() => recording.stop());
  await pass(SECONDS * 1000);
  const now = await report();
  const sound = recording.stop();
  const heard = judge(sound, synth);
  print(t, engine, now, { ...heard, heardMs, glitches: rises(before.glitches, now.glitches) });

  assert.deepEqual([now.state, now.problem, now.transport, now.context_rate], ['playing', null, transport, RATE_HZ]);
  // If an engine reports nothing about its output, the page may estimate it, but must say so, and by how much it may be off.
  const isUnknown = now.output_clock === null && now.engine_output_latency_ms === null;
  if (isUnknown) assert.equal(now.delay_ms, null);
  assert.equal(now.delay_error_ms !== null, now.output_clock === 'estimate');
  for (const [key, [least, most]] of Object.entries(SANE)) {
    if (isUnknown && key === 'delay_ms') continue;
    assert.ok(now[key] >= /** @type {number} */ (least) && now[key] <= /** @type {number} */ (most), `${key} is ${now[key]}`);
  }
  assert.ok(heard.share > HEARD_SHARE_MIN, `only ${(100 * heard.share).toFixed(0)} % of what is heard is the synth's sound`);
}

/** @param {import('../../browser/rig/recording.js').Sound} sound @param {Synth} synth */
function judge(sound, synth) {
  const played = synth.playing(sound);
  // If the search finds nothing, the sound was interrupted; the search restarts half a second later.
  let found = 0;
  let looked = 0;
  /** @type {number[]} */
  const delaysMs = [];
  const worst = [];
  for (let first = REACH_FRAMES; first + RATE_HZ / 2 < sound.frames; first += RATE_HZ / 2) {
    const to = played + first;
    for (const piece of pieces(sound, EXACT.noise, { first, frames: RATE_HZ / 10, from: Math.max(0, to - 2 * RATE_HZ), to })) {
      if (piece.residualDb >= RESIDUAL_DB) continue;
      found += 1;
      worst.push(piece.residualDb);
      delaysMs.push(((played + piece.first - piece.index) * 1000) / RATE_HZ);
    }
    looked += Math.floor((RATE_HZ / 10 - REACH_FRAMES) / 1024);
  }
  delaysMs.sort((a, b) => a - b);
  worst.sort((a, b) => a - b);
  return { share: found / looked, delayMs: delaysMs[delaysMs.length >> 1] ?? NaN, residualDb: worst[worst.length >> 1] ?? NaN };
}

/** @param {Record<string, number>} before @param {Record<string, number>} now @returns {Record<string, number>} the increases */
function rises(before, now) {
  return Object.fromEntries(Object.entries(now).map(([cause, count]) => [cause, count - (before[cause] ?? 0)]).filter(([, rise]) => rise !== 0));
}

/**
 * Prints one row of docs/develop/engines.md, and the head of the table.
 *
 * @param {import('node:test').TestContext} t @param {Engine} engine @param {any} report
 * @param {{share: number, delayMs: number, residualDb: number, heardMs: number, glitches: Record<string, number>}} heard
 */
function print(t, engine, report, { share, delayMs, residualDb, heardMs, glitches }) {
  const ms = (/** @type {number | null} */ value) => (value === null || value === undefined ? '-' : value.toFixed(1));
  const cells = {
    engine: engine.name, transport: report.transport, latencyHint: String(report.latency_hint), baseLatency: ms(report.base_latency_ms),
    outputLatency: ms(report.engine_output_latency_ms), 'context rate': String(report.context_rate), block: String(report.block_frames),
    'output clock': report.output_clock ?? '-', level: ms(report.level_ms), target: ms(report.target_ms), 'required lead': ms(report.required_lead_ms),
    'drift ± sigma, ppm': `${ms(report.drift_ppm)} ± ${ms(report.drift_sigma_ppm)}`, 'rate, ppm': ms(report.rate_ppm),
    'delay said': ms(report.delay_ms), 'delay recorded': ms(delayMs), 'first sound': heardMs.toFixed(0),
    'heard, residual': `${(100 * share).toFixed(0)} %, ${residualDb.toFixed(0)} dB`, [`glitches in ${SECONDS} s`]: JSON.stringify(glitches),
  };
  t.diagnostic(`| ${Object.keys(cells).join(' | ')} |`);
  t.diagnostic(`| ${Object.values(cells).join(' | ')} |`);
}
