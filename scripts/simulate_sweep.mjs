#!/usr/bin/env node
// Simulates every network in every mode and prints a table (docs/design/playout.md); this takes minutes. Settings come from the
// environment: SEED=1 SECONDS=600 MODES="auto lowest safest" PROFILES="wired bad-wifi" SOUND=piano. "Ratio" compares the mean delay
// with the least constant delay of equal audible cost, "by events" with that of equal late events.

import { NETWORKS, packetsOf, UNSEEN_NETWORKS } from '../tests/web/sim/networks.js';
import { TraceRun } from '../tests/web/sim/trace_run.js';

const sound = process.env.SOUND || 'piano';
const seed = Number(process.env.SEED || 1);
const seconds = Number(process.env.SECONDS || 600);
const modes = (process.env.MODES || 'auto lowest safest').split(' ');
const profiles = (process.env.PROFILES || [...Object.keys(NETWORKS), ...Object.keys(UNSEEN_NETWORKS)].join(' ')).split(' ');

console.log(`seed ${seed}, ${seconds} s, ${sound}\n`);
console.log('| network | mode | mean delay | ratio | by events | audible cost | audible events | concealed, % | late events | level p-p | rate sd, ppm | slope, ppm/s | return, s |');
console.log('|---|---|---|---|---|---|---|---|---|---|---|---|---|');
for (const profile of profiles) {
  const packets = packetsOf(profile, seed, seconds);
  for (const mode of modes) {
    const heard = new TraceRun(packets, 128, { mode, sound }).run().heard();
    const ratio = (/** @type {number} */ least) => (heard.mean_delay_ms / least).toFixed(2);
    const cells = [
      UNSEEN_NETWORKS[profile] ? `${profile} (unseen)` : profile, mode, heard.mean_delay_ms.toFixed(1),
      ratio(heard.oracle_equal_cost_ms), ratio(heard.oracle_equal_events_ms), heard.audible_cost.toFixed(2), heard.audible_events,
      (100 * heard.concealed_share).toFixed(2), heard.late_events, heard.level_p2p_ms.toFixed(1), heard.rate_sd_ppm.toFixed(1),
      heard.max_slope_ppm_per_s.toFixed(1), heard.return_s ?? '',
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
