#!/usr/bin/env node
// Simulates every network in every mode and prints a table (docs/design/playout.md); this takes minutes. Settings come from the
// environment: SEED=1 SECONDS=600 MODES="auto lowest safest" PROFILES="wired bad-wifi". "no grid" is the ratio to an oracle
// without blocks.

import { leastDelayMs } from '../tests/web/sim/oracle.js';
import { NETWORKS, packetsOf, UNSEEN_NETWORKS } from '../tests/web/sim/networks.js';
import { TraceRun } from '../tests/web/sim/trace_run.js';

const NO_GRID = { first_ms: 0, block_ms: 1e-6 };
const seed = Number(process.env.SEED || 1);
const seconds = Number(process.env.SECONDS || 600);
const modes = (process.env.MODES || 'auto lowest safest').split(' ');
const profiles = (process.env.PROFILES || [...Object.keys(NETWORKS), ...Object.keys(UNSEEN_NETWORKS)].join(' ')).split(' ');

console.log(`seed ${seed}, ${seconds} s\n`);
console.log('| network | mode | mean delay | ratio | no grid | oracle | late events | level p-p | rate sd, ppm | slope, ppm/s | return, s |');
console.log('|---|---|---|---|---|---|---|---|---|---|---|');
for (const profile of profiles) {
  const packets = packetsOf(profile, seed, seconds);
  for (const mode of modes) {
    const heard = new TraceRun(packets, 128, { mode }).run().heard();
    const gridless = leastDelayMs(packets, NO_GRID, { events: heard.late_events, packets: heard.late_packets });
    const ratio = (/** @type {number} */ least) => (heard.mean_delay_ms / least).toFixed(2);
    const cells = [
      UNSEEN_NETWORKS[profile] ? `${profile} (unseen)` : profile, mode, heard.mean_delay_ms.toFixed(1),
      ratio(heard.oracle_equal_events_ms), ratio(gridless), heard.oracle_ms.toFixed(1), heard.late_events, heard.level_p2p_ms.toFixed(1),
      heard.rate_sd_ppm.toFixed(1), heard.max_slope_ppm_per_s.toFixed(1), heard.return_s ?? '',
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
