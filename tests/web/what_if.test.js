/**
 * The what-if curve tells the truth: what it counts for a lead is what a listener with that lead hears on the same arrivals.
 * To an event or a tenth: a real reader that was interrupted waits for a whole block, and two of its events may join or part there.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWhatIf } from '../../web/core/controls.js';
import { packetsOf } from './sim/networks.js';
import { SEED } from './sim/random.js';
import { TraceRun } from './sim/trace_run.js';

const SECONDS = 60;
/** The start is calm, so that every lead has begun before anything is late. */
const CALM_MS = 3000;
const CANDIDATES = [18, 24, 30, 36, 42];

for (const network of ['good-wifi', 'bursty', 'crowded']) {
  test(`on ${network}, every lead that is tried interrupts as often as the curve says`, () => {
    const packets = packetsOf(network, SEED, SECONDS).map((packet) => (
      packet.capture_ms < CALM_MS ? { ...packet, arrival_ms: packet.capture_ms + 4 } : packet));
    const watched = new TraceRun(packets, 128, { mode: 'fixed', fixedMs: 300 }).run();
    const { leads } = readWhatIf(watched.words);
    const counts = CANDIDATES.map((at) => /** @type {typeof leads[number]} */ (leads[at]));
    const heard = counts.map(({ target_ms: fixedMs }) => new TraceRun(packets, 128, { mode: 'fixed', fixedMs }).run().playout.late_count);
    counts.forEach(({ events, target_ms: leadMs }, index) => {
      const off = Math.abs(/** @type {number} */ (heard[index]) - events);
      assert.ok(off <= Math.max(1, events / 10), `seed ${SEED}, a lead of ${leadMs.toFixed(1)} ms: ${heard[index]} heard, ${events} counted`);
    });
    assert.ok(heard.some((events) => events > 0), 'something was late');
  });
}
