#!/usr/bin/env node
// Simulates the clocks of many listeners with a late event every minute, and prints how far the believed drift was from the truth
// (docs/design/clocks.md). Settings come from the environment: SEEDS=1000 SECONDS=3600.

import { COVERED_SIGMAS, summary } from '../tests/web/sim/clock_run.js';

const seeds = Number(process.env.SEEDS || 1000);
const seconds = Number(process.env.SECONDS || 3600);
const ages = [[20, 30], [30, 60], [60, Infinity]];

console.log(`seeds 1 to ${seeds} each, ${seconds} s\n`);
console.log(`| network | age, s | largest error, ppm | rms, ppm | mean sigma, ppm | within ${COVERED_SIGMAS} sigma |`);
console.log('|---|---|---|---|---|---|');
for (const network of /** @type {const} */ (['wired', 'wifi'])) {
  for (const row of summary({ network, seconds, seeds, ages })) {
    const age = row.until_s === Infinity ? `from ${row.from_s}` : `${row.from_s} to ${row.until_s}`;
    const cells = [network, age, row.most_ppm.toFixed(1), row.rms_ppm.toFixed(2), row.sigma_ppm.toFixed(2), `${(100 * row.covered).toFixed(1)} %`];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
