/**
 * A listener on simulated networks, chosen by name and seed, against the figures of issue 3. These have some slack, because
 * learning takes a larger part of a short run. docs/design/playout.md has the whole table (`make simulate-sweep`).
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Concealer } from '../../web/core/sound/concealment.js';
import { Resampler } from '../../web/core/sound/resampler.js';
import { Chain } from './sim/chain.js';
import { packetsOf } from './sim/networks.js';
import { lateAt, leastDelayMs } from './sim/oracle.js';
import { formatTrace, HEADER, parseTrace, TraceError } from './sim/trace.js';
import { TraceRun } from './sim/trace_run.js';

/** A seed that was not used to choose constants. */
const SEED = 71;
/** The steepest change of rate that the steering promises, in ppm per s, and the rounding of the word it is read from. */
const SLOPE_MAX = 30;
const GRID = { first_ms: 0, block_ms: 128 / 48 };

/** @param {string} network @param {number} seconds @param {import('./sim/trace_run.js').Listener} [listener] @returns {TraceRun} */
function listen(network, seconds, listener = {}) {
  return new TraceRun(packetsOf(network, SEED, seconds), 128, listener).run();
}

/**
 * These tests ask when frames are played, not how they sound. Skipping filters and guesses saves nine tenths of the work.
 *
 * @template T @param {() => T} act @returns {T}
 */
function unheard(act) {
  const { run } = Resampler.prototype;
  const { prepare } = Concealer.prototype;
  Resampler.prototype.run = () => {};
  Concealer.prototype.prepare = () => {};
  try {
    return act();
  } finally {
    Resampler.prototype.run = run;
    Concealer.prototype.prepare = prepare;
  }
}

for (const skewPpm of [300, -300]) {
  test(`an hour at ${skewPpm} ppm has no gap, no step, and a level within 1 ms`, () => {
    const run = unheard(() => listen('wired', 3600, { skewPpm }));
    const { late_count: late, inserts, trims } = run.playout;
    assert.deepEqual({ late, inserts, trims }, { late: 0, inserts: 0, trims: 0 });
    const levels = run.blocks.levelMs.subarray(Math.round(run.blocks.count / 30), run.blocks.count);
    assert.ok(levels.reduce((most, level) => Math.max(most, level), -Infinity) - levels.reduce((least, level) => Math.min(least, level), Infinity) < 1);
  });
}

test('clocks that turn the phase between packets and callbacks cost no gap, wherever it begins', () => {
  for (const burstFrames of [128, 512, 1024]) for (const skewPpm of [100, 300, -300]) for (const laterMs of [0.1, 0.6, 1.1, 1.6, 2.1, 2.6]) {
    const run = unheard(() => listen('wired', 20, { contextRateHz: 44_100, burstFrames, skewPpm, phaseMs: 60 + laterMs }));
    assert.equal(run.playout.late_count, 0, JSON.stringify({ burstFrames, skewPpm, laterMs }));
  }
});

test('the page\'s clock may wander by 50 ppm: sound of one clock for both ends stays exact', () => {
  const page = (/** @type {number} */ ms) => ms + [11_000, 23_000].reduce((sum, period) => sum + ((25e-6 * period) / (2 * Math.PI)) * Math.sin((2 * Math.PI * ms) / period), 0);
  const chain = new Chain({ seconds: 60, pageMs: page, delayMs: (ms) => 0.2 + 0.3 * ((ms * 0.731) % 1) }).run();
  // In between, the page removes the extra delay of the start.
  for (const [fromMs, toMs] of /** @type {[number, number][]} */ ([[1000, 6000], [28_000, 60_000]])) {
    const sounded = chain.stamps.subarray(chain.blockAt(fromMs), Math.min(chain.blocks, chain.blockAt(toMs)));
    assert.ok(sounded.length > 1700 && sounded.every(Number.isInteger), `every block begins on a whole frame, ${fromMs} to ${toMs} ms`);
  }
});

for (const skewPpm of [0, 300, -300]) {
  test(`a cable, the audio clock ${skewPpm} ppm fast: no gap, near the least delay, and a rate that stands still`, () => {
    const heard = listen('wired', 300, { skewPpm }).heard();
    assert.equal(heard.late_events, 0, JSON.stringify(heard));
    assert.ok(heard.mean_delay_ms < 1.3 * heard.oracle_equal_events_ms, JSON.stringify(heard));
    assert.ok(heard.rate_sd_ppm <= 3 && heard.max_slope_ppm_per_s <= SLOPE_MAX && heard.level_p2p_ms < 2, JSON.stringify(heard));
  });
}

for (const [network, most] of /** @type {[string, number][]} */ ([['good-wifi', 1], ['bursty', 3], ['bad-wifi', 4], ['2mbit', 1]])) {
  test(`on ${network}, three minutes of piano have at most ${most} audible interruptions, and no more delay than they are worth`, () => {
    const heard = listen(network, 180, { sound: 'piano' }).heard();
    assert.ok(heard.audible_events <= most, JSON.stringify(heard));
    assert.ok(heard.mean_delay_ms < 1.4 * heard.oracle_equal_cost_ms, JSON.stringify(heard));
    assert.ok(heard.max_slope_ppm_per_s <= SLOPE_MAX, JSON.stringify(heard));
  });
}

for (const network of ['bad-wifi', 'stall-3s', 'mobile']) {
  test(`on ${network}, the lowest delay misses at most one per cent of the time`, () => {
    const heard = listen(network, 180, { mode: 'lowest' }).heard();
    assert.ok(heard.concealed_share <= 0.01, JSON.stringify(heard));
  });
}

test('a machine that wakes late once a minute costs at most 4 ms', () => {
  const [calm, restless] = ['wired', 'restless'].map((network) => {
    const { ms, delayMs, count } = listen(network, 240, { sound: 'piano' }).blocks;
    const from = ms.findIndex((at) => at > 60_000);
    return delayMs.subarray(from, count).reduce((sum, delay) => sum + delay, 0) / (count - from);
  });
  assert.ok(calm !== undefined && restless !== undefined && restless - calm <= 4, `${calm} and ${restless} ms`);
});

test('a queue that fills is met with two steps a time, and nothing is heard', () => {
  const run = listen('filling', 120, { sound: 'piano' });
  assert.equal(run.heard().audible_events, 0, JSON.stringify(run.heard()));
  // It fills twice, and an interruption may end with a step of its own.
  assert.ok(run.playout.inserts - run.playout.late_count <= 6, JSON.stringify(run.playout));
});

test('of the three modes, the safer has the longer delay and no more late events', () => {
  const [lowest, auto, safest] = /** @type {const} */ (['lowest', 'auto', 'safest']).map((mode) => listen('good-wifi', 120, { mode }).heard());
  assert.ok(lowest && auto && safest);
  assert.ok(lowest.mean_delay_ms < auto.mean_delay_ms && auto.mean_delay_ms < safest.mean_delay_ms, JSON.stringify([lowest, auto, safest]));
  assert.ok(lowest.late_events >= auto.late_events && auto.late_events >= safest.late_events, JSON.stringify([lowest, auto, safest]));
  assert.ok(safest.late_events <= 1, JSON.stringify(safest));
});

test('a network that is slower for a while is followed, and beats any constant delay', () => {
  const heard = listen('level-shift', 180).heard();
  assert.ok(heard.mean_delay_ms < 0.8 * heard.oracle_ms, JSON.stringify(heard));
});

for (const network of ['stall-200', 'stall-1000', 'stall-5000']) {
  test(`${network}: one event, and the delay is back at once`, () => {
    const heard = listen(network, 120).heard();
    assert.equal(heard.late_events, 1, JSON.stringify(heard));
    assert.ok(heard.return_s !== null && heard.return_s <= 30, JSON.stringify(heard));
  });
}

for (const [contextRateHz, blockFrames, burstFrames] of /** @type {[number, number, number][]} */ (
  [[44_100, 64, 64], [44_100, 128, 512], [48_000, 256, 256], [48_000, 512, 512], [96_000, 128, 128], [96_000, 512, 512]])) {
  test(`a context of ${contextRateHz} Hz in blocks of ${blockFrames}, ${burstFrames} a callback, plays a cable without a gap`, () => {
    const run = listen('wired', 30, { contextRateHz, blockFrames, burstFrames });
    const heard = run.heard();
    assert.equal(run.playout.late_count, 0, JSON.stringify(heard));
    assert.ok(heard.mean_delay_ms < 9 + (2 * burstFrames * 1000) / contextRateHz, JSON.stringify(heard));
  });
}

test('datagrams that overtake each other and get lost break nothing: what is heard missing is about what was lost', () => {
  const packets = packetsOf('datagram', SEED, 60);
  const sent = Math.floor(60_000 / (128 / 44.1));
  const heard = new TraceRun(packets, 128, {}).run().heard();
  const lostMs = ((sent - packets.length) * 128) / 44.1;
  assert.ok(heard.concealed_ms < 3 * lostMs + 500, `${lostMs} ms lost: ${JSON.stringify(heard)}`);
  assert.ok(heard.mean_delay_ms < 25, JSON.stringify(heard));
});

test('a capture clock that steps by half a second either way moves no sound', () => {
  for (const stepMs of [500, -500]) {
    const packets = packetsOf('wired', SEED, 60).map((packet) => ({ ...packet }));
    for (const packet of packets) if (packet.capture_ms > 30_000) packet.capture_ms += stepMs;
    const run = new TraceRun(packets, 128, {}).run();
    assert.equal(run.playout.late_count, 0);
  }
});

test('a tab that slept for three seconds is as near to live as before within a second', () => {
  const chain = new Chain({ seconds: 30, asleep: (nowMs) => nowMs > 15_000 && nowMs < 18_000 }).run();
  const [before, after] = [chain.delayAt(14_000), chain.delayAt(19_000)];
  assert.ok(Math.abs(after - before) <= 6, `${before} ms before, ${after} ms after`);
  assert.equal(chain.playout.sleeps, 1);
});

test('the oracle: a delay at which everything is late is no single event, and the blocks cost at most one block', () => {
  const packets = packetsOf('good-wifi', SEED, 60);
  const all = lateAt(packets, GRID, 0);
  assert.ok(all.events <= 1 && all.packets === packets.length, JSON.stringify(all));
  const most = { events: 2, packets: 40 };
  const [gridded, free] = [leastDelayMs(packets, GRID, most), leastDelayMs(packets, { first_ms: 0, block_ms: 1e-6 }, most)];
  assert.ok(gridded >= free - 0.02 && gridded <= free + GRID.block_ms + 0.02, `${gridded} and ${free} ms`);
});

test('a trace is read as it was written, and what is wrong with one is said with its line', () => {
  const packets = packetsOf('wired', SEED, 1);
  assert.equal(parseTrace(formatTrace(packets)).packetFrames, 128);
  for (const [text, line] of /** @type {[string, number][]} */ ([
    ['', 1], ['frame,capture,arrival\n', 1], [`${HEADER}\n`, 2], [`${HEADER}\n0,0,1\n128,0\n`, 3], [`${HEADER}\n0,0,1\n128,x,2\n`, 3],
    [`${HEADER}\n0,0,1\n0,0,1\n`, 3], [`${HEADER}\n0,5,1\n`, 2], [`${HEADER}\n0,0,1\n\n128,1,2\n`, 3],
  ])) {
    assert.throws(() => parseTrace(text), (error) => error instanceof TraceError && error.line === line, JSON.stringify(text));
  }
});

test('make simulate prints exactly one line of the keys that were promised; a bad trace exits 2 and names file and line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'synthwire-trace-'));
  try {
    const [good, bad] = [join(folder, 'good.csv'), join(folder, 'bad.csv')];
    writeFileSync(good, formatTrace(packetsOf('wired', SEED, 5)));
    writeFileSync(bad, `${HEADER}\n0,0,1\nnonsense\n`);
    const run = (/** @type {string} */ file) => spawnSync(process.execPath, ['scripts/simulate.mjs'], {
      cwd: join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..'), encoding: 'utf8', env: { ...process.env, TRACE: file, MODE: 'auto', SKEW_PPM: '0' },
    });
    const heard = run(good);
    assert.equal(heard.status, 0, heard.stderr);
    assert.equal(heard.stdout.split('\n').length, 2, heard.stdout);
    assert.deepEqual(Object.keys(JSON.parse(heard.stdout)), [
      'mean_delay_ms', 'late_events', 'late_packets', 'concealed_ms', 'concealed_share', 'audible_cost', 'audible_events', 'oracle_ms',
      'oracle_equal_events_ms', 'oracle_equal_cost_ms', 'level_p2p_ms', 'rate_sd_ppm', 'max_slope_ppm_per_s', 'return_s',
    ]);
    const refused = run(bad);
    assert.equal(refused.status, 2);
    assert.equal(refused.stdout, '');
    assert.match(refused.stderr, /bad\.csv:3: /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
