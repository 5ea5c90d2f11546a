/**
 * The what-if curve is correct: its count for a lead equals the events of a listener who holds that lead on the same arrivals.
 * The page itself meanwhile chooses another lead. The counts agree to the event.
 *
 * The test leaves out leads that are late for more than a tenth of the time, where a step of the line may meet an interrupted
 * reader. The trace carries silence, so that a step lands exactly where intended. With sound it lands where the sound fits, up to
 * 4.5 ms away (splice.js), and no count can know that.
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
/** Tests every nth candidate, beginning with the first that is not late all the time. */
const EVERY = 3;

for (const contextRateHz of [44_100, 48_000]) {
  for (const network of ['good-wifi', 'bad-wifi', 'stall-3s', 'mobile', 'bursty', 'capture-jitter']) {
    for (const seed of [SEED, SEED + 1]) {
      test(`on ${network} at ${contextRateHz} Hz, seed ${seed}, every lead interrupts as often as the curve says`, () => {
        const packets = packetsOf(network, seed, SECONDS);
        const listener = { contextRateHz, sound: 'silence' };
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
