/**
 * The report: every number that page, bench and a person asking for help may want (docs/guide/report.md).
 *
 * In: what the parts of the player know. Out: one flat object; null where something is not known. Keys are only added.
 */

import { delayMs } from './delay.js';

/**
 * @typedef {object} PlaybackStats Chromium's own account of its output (AudioContext.playbackStats), times in ms
 * @property {number} average_latency_ms
 * @property {number} minimum_latency_ms
 * @property {number} maximum_latency_ms
 * @property {number} underruns
 * @property {number} underrun_ms
 *
 * @typedef {object} Known
 * @property {number} nowMs page time
 * @property {ReturnType<typeof import('./phase.js').phase>} phase
 * @property {'sab' | 'port' | null} transport
 * @property {number | null} contextRateHz
 * @property {string | number} latencyHint
 * @property {number | null} baseLatencyMs
 * @property {number | null} outputLatencyMs the engine's outputLatency
 * @property {PlaybackStats | null} playbackStats
 * @property {import('./controls.js').PlayoutReading | null} playout null unless sound is played
 * @property {import('./messages.js').WorkerStatus | null} worker
 * @property {number | null} heardContextMs
 * @property {string | null} outputClock
 * @property {number} renderUnderruns
 * @property {number} suspensions
 * @property {number | null} startToSoundMs
 */

/** @typedef {ReturnType<typeof buildReport>} Report */

/** @param {Known} known */
export function buildReport(known) {
  const { playout, worker, playbackStats } = known;
  const travelMs = (/** @type {'least_ms' | 'mean_ms' | 'most_ms'} */ which) => (
    worker?.travel && worker.clock ? worker.travel[which] + worker.clock.offset_ms : null);
  return {
    state: known.phase.state,
    problem: known.phase.problem,
    delay_ms: knownDelayMs(known),
    output_latency_ms: bestOutputLatencyMs(known),
    level_ms: playout?.level_ms ?? null,
    target_ms: playout?.target_ms ?? null,
    spread_ms: playout?.spread_ms ?? null,
    headroom_least_ms: playout?.headroom_least_ms ?? null,
    glitches: glitches(known),
    transport: known.transport,
    context_rate: known.contextRateHz,
    seq: worker?.seq ?? null,
    drift_ppm: null,
    network_delay_ms: travelMs('mean_ms'),
    network_delay_least_ms: travelMs('least_ms'),
    network_delay_most_ms: travelMs('most_ms'),
    round_trip_ms: worker?.clock?.round_trip_ms ?? null,
    queue_age_ms: worker?.queue_age_ms ?? null,
    latency_hint: known.latencyHint,
    base_latency_ms: known.baseLatencyMs,
    engine_output_latency_ms: known.outputLatencyMs,
    playback_stats: playbackStats,
    output_clock: known.outputClock,
    block_frames: playout?.block_frames ?? null,
    start_to_sound_ms: known.startToSoundMs,
    missing_ms: playout?.missing_ms ?? null,
    trims: playout?.trims ?? null,
    trimmed_ms: playout?.trimmed_ms ?? null,
    inserts: playout?.inserts ?? null,
    inserted_ms: playout?.inserted_ms ?? null,
    jumps: playout?.jumps ?? null,
    messages: worker?.messages ?? null,
    received_bytes: worker?.bytes ?? null,
    reconnects: worker?.reconnects ?? null,
    last_refusal: worker?.last_refusal || null,
    period_frames: worker?.hello?.period_frames ?? null,
    chunk_frames: worker?.hello?.chunk_frames ?? null,
    server_version: worker?.hello?.server_version ?? null,
  };
}

/** @param {Known} known @returns {number | null} */
function knownDelayMs({ nowMs, phase, heardContextMs, contextRateHz, playout, worker }) {
  if (phase.state !== 'playing' || heardContextMs === null || contextRateHz === null) return null;
  if (!playout || !worker?.anchor || !worker.clock) return null;
  const { anchor, clock } = worker;
  return delayMs({ nowMs, heardContextMs, contextRateHz, playout, anchor, serviceOffsetMs: clock.offset_ms });
}

/** @param {Known} known @returns {number | null} what Chromium measures, before what an engine claims */
function bestOutputLatencyMs({ playbackStats, outputLatencyMs }) {
  if (playbackStats && playbackStats.average_latency_ms > 0) return playbackStats.average_latency_ms;
  return outputLatencyMs;
}

/** @param {Known} known @returns {Record<string, number>} */
function glitches({ worker, playout, playbackStats, renderUnderruns, suspensions }) {
  const counts = { ...worker?.glitches };
  /** @param {string} name @param {number} times */
  const add = (name, times) => {
    counts[name] = (counts[name] ?? 0) + times;
  };
  add('network_late', playout?.late_count ?? 0);
  // Chromium counts its own; elsewhere a jump of the context's frame count gives it away.
  add('render_underrun', playbackStats ? renderUnderruns : (playout?.skips ?? 0));
  // A suspended context is seen by the page, a frozen one only by its backlog; often it is the same event.
  add('tab_suspended', Math.max(suspensions, playout?.sleeps ?? 0));
  return counts;
}
