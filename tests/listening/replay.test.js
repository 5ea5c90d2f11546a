/**
 * Replays a trace of arrivals in real Chromium and in the simulation: both get the same delay.
 *
 * The simulation uses the trace that the page itself recorded ("Save arrivals"), and the times when its audio thread rendered and
 * its Worker looked. So it includes the delays that this machine and this browser added. Nothing else differs.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openTwoClockStage } from '../browser/rig/stage.js';
import { Replay } from '../browser/rig/replay.js';
import { watchThreads, watchedThreads } from '../browser/rig/thread_watch.js';
import { pass } from '../browser/rig/until.js';
import { packetsOf } from '../web/sim/networks.js';
import { captureMsAt, parseTrace } from '../web/sim/trace.js';
import { TraceRun } from '../web/sim/trace_run.js';

const SECONDS = 60;
const PACKET_FRAMES = 128;
const SEED = 7;
/** The required agreement from issue 3. */
const AGREES_WITHIN_MS = 2;

const stage = await openTwoClockStage('--source', 'exact:noise');

for (const network of ['wired', 'good-wifi', 'crowded']) {
  test(`${network}: Chromium and the simulation agree on the mean delay`, async (t) => {
    const packets = packetsOf(network, SEED, SECONDS, PACKET_FRAMES).sort((a, b) => a.arrival_ms - b.arrival_ms);
    const replay = new Replay(packets, PACKET_FRAMES, stage.service.address);
    t.after(() => replay.close());
    const page = await stage.chromium.open(await replay.open());
    t.after(() => page.close());
    await watchThreads(page);
    await page.click('#listen');
    await page.reaches('playing');
    await pass(SECONDS * 1000 - 3000);
    const report = await page.report();
    const { blocks, looks, arrivals } = await watchedThreads(page);
    const { packets: saved, packetFrames } = parseTrace(await savedArrivals(page));
    // These are page times, as are all times that the threads have recorded.
    const aheadMs = mean(arrivals.map((ms, index) => ms - /** @type {typeof saved[number]} */ (saved[index]).arrival_ms));
    const arrived = saved.map((packet) => ({ ...packet, capture_ms: packet.capture_ms + aheadMs, arrival_ms: packet.arrival_ms + aheadMs }));
    const sounding = blocks.filter(({ isSounding }) => isSounding);
    const played = mean(sounding.map(({ ms, position }) => ms - captureMsAt(arrived, packetFrames, position)));
    const run = new TraceRun(arrived, packetFrames, { contextRateHz: report.context_rate, blocks, looks }).run();
    const simulated = run.heard().mean_delay_ms;
    t.diagnostic(`${sounding.length} blocks played ${played.toFixed(2)} ms after capture, ${run.blocks.count} simulated ${simulated.toFixed(2)} ms; `
      + `played up to ${burst(blocks)} blocks at once; late ${report.glitches.network_late} and ${run.playout.late_count}, `
      + `target ${report.target_ms?.toFixed(1)} and ${run.playout.target_ms.toFixed(1)} ms, drift ${report.drift_ppm?.toFixed(1)} ppm`);
    assert.ok(Math.abs(played - simulated) <= AGREES_WITHIN_MS, `${played} ms played, ${simulated} ms simulated`);
  });
}

/** Uses the page's own button. @param {import('../browser/rig/chromium_page.js').ChromiumPage} page @returns {Promise<string>} CSV */
async function savedArrivals(page) {
  await page.evaluate(`window.saved = new Promise((give) => {
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => { give(blob.text()); return createObjectURL.call(URL, blob); };
  }); document.querySelector('#arrivals-save').click()`);
  return page.evaluate('window.saved');
}

/** @param {{ms: number}[]} rendered @returns {number} the largest number of blocks that began within half a millisecond */
function burst(rendered) {
  let most = 0;
  for (let from = 0, to = 0; to < rendered.length; to += 1) {
    while (/** @type {{ms: number}} */ (rendered[to]).ms - /** @type {{ms: number}} */ (rendered[from]).ms > 0.5) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

/** Works for milliseconds since 1970, whose sum would not be exact. @param {number[]} values */
function mean(values) {
  const [first = NaN] = values;
  return first + values.reduce((sum, value) => sum + value - first, 0) / values.length;
}
