/**
 * Chromium plays sample for sample what the synth played. The sound comes through the real capture path, on one clock, and takes
 * both ways from the socket to the audio thread: shared memory, or messages where the page is not isolated.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { exactFrames, exactRuns } from './rig/alignment.js';
import { BareProxy } from './rig/bare_proxy.js';
import { EXACT, RATE_HZ } from './rig/exact.js';
import { openStage } from './rig/stage.js';
import { pass } from './rig/until.js';
import { breaks, ReportLog } from './rig/verdict.js';
import { nowNs, Watchdog } from './rig/watchdog.js';

/** In the first seconds the page learns the drift, and removes the extra delay of the start (web/core/playout/steering.js). */
const SETTLING_SECONDS = 15;
/** Amount of sound that must then pass unresampled, by the page's own count. The test waits for no more. */
const EXACT_SECONDS = 6;
const SECONDS_MOST = 75;
/** The share that must be exact in spite of a break. It is less than 1, because the page counts only once per look. */
const EXACT_SHARE = 0.8;
const LOOK_EVERY_MS = 200;
/** A recording is void, and repeated, if the machine stalled or starved the sound server for a larger share of its time. */
const DISTURBED_SHARE_MAX = 0.02;
const ATTEMPTS = 3;

/** Fields promised to other tools when the page was introduced; docs/guide/report.md lists all of them. */
const PROMISED = ['delay_ms', 'output_latency_ms', 'level_ms', 'target_ms', 'glitches', 'state', 'transport', 'context_rate', 'seq'];

const stage = await openStage('noise');

test('through shared memory every sample arrives as it was sent', async (t) => {
  await assertExact(t, stage.service.address, 'sab', '[true, "function"]');
});

test('by messages, behind a proxy that drops the isolating headers, every sample arrives as it was sent', async (t) => {
  const proxy = await BareProxy.start(stage.service.address);
  t.after(() => proxy.close());
  await assertExact(t, proxy.address, 'port', '[false, "undefined"]');
});

/** @param {test.TestContext} t @param {URL} address @param {'sab' | 'port'} transport @param {string} isolation what the page finds, as JSON */
async function assertExact(t, address, transport, isolation) {
  const watchdog = new Watchdog();
  t.after(() => watchdog.stop());
  for (let attempt = 1; ; attempt += 1) {
    const page = await stage.chromium.open(address);
    t.after(() => page.close());
    assert.deepEqual(await page.evaluate('[crossOriginIsolated, typeof SharedArrayBuffer]'), JSON.parse(isolation));
    const listened = await listen(page);
    assertReport(listened.report, transport);
    assert.deepEqual(page.complaints, []);
    await page.close();

    printFirstSound(t, listened, watchdog);
    const { sound, log } = listened;
    const runs = exactRuns(sound, EXACT.noise, { from: 0, to: stage.synth.near(sound.timeNs(sound.frames)).to, first: sound.frameAt(listened.fromNs) });
    const found = breaks(sound, runs, { watchdog, log, starvedNs: stage.speakers.starvedNs });
    const frozen = watchdog.frozenShare(listened.fromNs, sound.timeNs(sound.frames));
    printBreaks(t, listened, runs, found);
    t.diagnostic(`machine frozen ${(100 * frozen).toFixed(2)} % of the time${watchdog.isReliable ? '' : ' (unknown: no real-time priority)'}`);
    assert.deepEqual(found.filter(({ excuse }) => excuse === null), [], 'breaks that nobody names');
    const exact = exactFrames(runs, sound.frameAt(listened.fromNs + SETTLING_SECONDS * 1e9));
    const isShort = exact < EXACT_SHARE * EXACT_SECONDS * RATE_HZ;
    // Only disturbances that are visible from outside the page make a recording void.
    const isVoid = frozen > DISTURBED_SHARE_MAX || starvedShare(found, sound) > DISTURBED_SHARE_MAX
      || found.some(({ excuse }) => excuse === 'doubtful') || (frozen > 0 && isShort);
    // A page that was interrupted, and reports it, may have moved its target for the rest of the recording.
    const isMoved = isShort && Object.keys(log.namedByName()).length > 0;
    if ((isVoid || isMoved) && attempt < ATTEMPTS) continue;
    if (isVoid) {
      t.skip(`${ATTEMPTS} recordings in a row are void: the machine stands still too often to judge by`);
      return;
    }
    assert.ok(!isShort, `only ${exact} frames are exact`);
    return;
  }
}

/** @param {import('./rig/verdict.js').Break[]} found @param {import('./rig/recording.js').Sound} sound */
function starvedShare(found, sound) {
  return found.reduce((sum, { excuse, frames }) => sum + (excuse === 'starved' ? frames : 0), 0) / sound.frames;
}

/**
 * Records from before the click until enough sound has passed exactly as it was sent. The page resamples until it has settled,
 * and whenever its target moves.
 *
 * @param {import('./rig/chromium_page.js').ChromiumPage} page
 */
async function listen(page) {
  const log = new ReportLog();
  const recording = stage.speakers.record();
  try {
    const clickedNs = await page.click('#listen');
    await page.reaches('playing');
    const fromNs = nowNs();
    const end = recording.frames + SECONDS_MOST * RATE_HZ;
    while (recording.frames < end && log.exactS(fromNs + SETTLING_SECONDS * 1e9) < EXACT_SECONDS) {
      log.add(nowNs(), await page.report());
      await pass(LOOK_EVERY_MS);
    }
    const report = await page.report();
    const sound = recording.stop();
    log.add(nowNs(), await page.report());
    return { sound, log, clickedNs, fromNs, report };
  } finally {
    recording.stop();
  }
}

/** @param {any} report @param {string} transport */
function assertReport(report, transport) {
  const guide = readFileSync(new URL('../../docs/guide/report.md', import.meta.url), 'utf8');
  for (const key of PROMISED) assert.ok(key in report, `report() has no ${key}`);
  for (const key of Object.keys(report)) assert.ok(guide.includes(`\`${key}\``), `docs/guide/report.md does not explain ${key}`);
  const { state, problem, transport: path, context_rate: rate } = report;
  assert.deepEqual([state, problem, path, rate], ['playing', null, transport, RATE_HZ]);
}

/** @typedef {Awaited<ReturnType<typeof listen>>} Listened */

/** @param {test.TestContext} t @param {Listened} listened @param {Watchdog} watchdog */
function printFirstSound(t, { sound, clickedNs }, watchdog) {
  const heard = sound.firstHeard();
  assert.ok(heard !== null, 'the page says playing, and nothing is heard');
  const soundNs = sound.timeNs(heard);
  assert.ok(soundNs > clickedNs, 'something was heard before the click');
  const frozen = (100 * watchdog.frozenShare(clickedNs, soundNs)).toFixed(0);
  t.diagnostic(`${stage.chromium.name}: ${number((soundNs - clickedNs) / 1e6)} ms from click to first sound (machine frozen ${frozen} % of it)`);
}

/**
 * @param {test.TestContext} t @param {Listened} listened
 * @param {import('./rig/alignment.js').Run[]} runs @param {import('./rig/verdict.js').Break[]} found
 */
function printBreaks(t, { sound, log, report, fromNs }, runs, found) {
  const exact = number(exactFrames(runs) / RATE_HZ);
  const heard = number((sound.frames - sound.frameAt(fromNs)) / RATE_HZ);
  t.diagnostic(`${exact} s of ${heard} s bit-exact, ${number(log.exactS(fromNs))} s by the page's count; ${found.length} breaks, `
    + `named ${JSON.stringify(log.namedByName())}`);
  for (const one of found) t.diagnostic(`break ${JSON.stringify(one)}`);
  t.diagnostic(`delay ${number(report.delay_ms)} ms, of that output ${number(report.output_latency_ms)} ms; level ${number(report.level_ms)} ms, `
    + `target ${number(report.target_ms)} ms, required ${number(report.required_lead_ms)} ms, drift ${number(report.drift_ppm)} ± `
    + `${number(report.drift_sigma_ppm)} ppm`);
}

/** @param {number | null} value */
function number(value) {
  return value === null ? 'unknown' : value.toFixed(1);
}
