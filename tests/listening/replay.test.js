/**
 * A trace of arrivals, replayed in real Chromium and in the simulation: the delay is the same.
 *
 * What is simulated is the trace that the page itself wrote down ("Save arrivals"): what this machine added on the way is in it.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { openTwoClockStage } from '../browser/rig/stage.js';
import { Replay } from '../browser/rig/replay.js';
import { pass } from '../browser/rig/until.js';
import { packetsOf } from '../web/sim/networks.js';
import { parseTrace } from '../web/sim/trace.js';
import { TraceRun } from '../web/sim/trace_run.js';

const SECONDS = 60;
const PACKET_FRAMES = 128;
const LOOK_EVERY_MS = 100;
/** The figure of issue 3. */
const AGREES_WITHIN_MS = 2;

const stage = await openTwoClockStage('--source', 'exact:noise');

for (const network of ['wired', 'good-wifi', 'crowded']) {
  test(`${network}: Chromium and the simulation agree on the mean delay`, async (t) => {
    const packets = packetsOf(network, 7, SECONDS, PACKET_FRAMES).sort((a, b) => a.arrival_ms - b.arrival_ms);
    const replay = new Replay(packets, PACKET_FRAMES, stage.service.address);
    t.after(() => replay.close());
    const page = await stage.chromium.open(await replay.open());
    t.after(() => page.close());
    await page.click('#listen');
    await page.reaches('playing');
    const delays = [];
    const looks = (SECONDS * 1000) / LOOK_EVERY_MS - 30;
    for (let look = 0; look < looks; look += 1) {
      const { delay_ms: delay, output_latency_ms: output } = await page.report();
      if (delay !== null && output !== null) delays.push(delay - output);
      await pass(LOOK_EVERY_MS);
    }
    const report = await page.report();
    const recorded = parseTrace(await savedArrivals(page));
    const listener = { contextRateHz: report.context_rate, skewPpm: -(report.drift_ppm ?? 0) };
    const played = mean(delays);
    const simulated = new TraceRun(recorded.packets, recorded.packetFrames, listener).run().heard().mean_delay_ms;
    const intended = new TraceRun(packetsOf(network, 7, SECONDS, PACKET_FRAMES), PACKET_FRAMES, listener).run().heard().mean_delay_ms;
    t.diagnostic(`played ${played.toFixed(2)} ms, simulated ${simulated.toFixed(2)} ms; before this machine's own jitter ${intended.toFixed(2)} ms; `
      + `glitches ${JSON.stringify(report.glitches)}, level ${report.level_ms?.toFixed(2)}, drift ${report.drift_ppm?.toFixed(1)} ppm`);
    assert.ok(Math.abs(played - simulated) <= AGREES_WITHIN_MS, `${played} ms played, ${simulated} ms simulated`);
  });
}

/** By the page's own button. @param {import('../browser/rig/chromium_page.js').ChromiumPage} page @returns {Promise<string>} CSV */
async function savedArrivals(page) {
  await page.evaluate(`window.saved = new Promise((give) => {
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => { give(blob.text()); return createObjectURL.call(URL, blob); };
  }); document.querySelector('#arrivals-save').click()`);
  return page.evaluate('window.saved');
}

/** @param {number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
