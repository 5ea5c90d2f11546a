/**
 * The what-if curve tells the truth: what it counts for a lead, while the page chooses another by itself, is what a listener who holds
 * that lead hears on the same arrivals. To the event.
 *
 * Left out are leads that are late for more than a tenth of the time, where a step of the line may find the reader interrupted, and
 * silence is sent, so that a step goes exactly where it is meant to: with sound it goes where the sound fits, up to 4.5 ms off
 * (splice.js), which no count can know.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWhatIf } from '../../web/core/playout/controls.js';
import { packetsOf } from './sim/networks.js';
import { SEED } from './sim/random.js';
import { TraceRun } from './sim/trace_run.js';

const SECONDS = 30;
const LATE_MAX = 0.1;
const LEADS = 10;
/** Every so many of the candidates, from the first that is not late all the time. */
const EVERY = 3;

for (const contextRateHz of [44_100, 48_000]) {
  for (const network of ['good-wifi', 'bad-wifi', 'stall-3s', 'mobile', 'bursty', 'capture-jitter']) {
    for (const seed of [SEED, SEED + 1]) {
      test(`on ${network} at ${contextRateHz} Hz, seed ${seed}, every lead interrupts as often as the curve says`, () => {
        const packets = packetsOf(network, seed, SECONDS);
        const listener = { contextRateHz, isSilent: true };
        const { leads } = readWhatIf(new TraceRun(packets, 128, { ...listener, mode: 'auto' }).run().words);
        const first = leads.findIndex(({ late_ms: lateMs }) => lateMs < SECONDS * 1000 * LATE_MAX);
        const tried = Array.from({ length: LEADS }, (_, at) => /** @type {typeof leads[number]} */ (leads[first + at * EVERY]));
        const counted = tried.map(({ target_ms: leadMs, events }) => [leadMs, events]);
        const heard = tried.map(({ target_ms: fixedMs }) => (
          [fixedMs, new TraceRun(packets, 128, { ...listener, mode: 'fixed', fixedMs }).run().playout.late_count]));
        assert.deepEqual(heard, counted);
        assert.ok(tried.some(({ events }) => events > 0), 'something was late');
      });
    }
  }
}
