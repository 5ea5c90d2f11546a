/**
 * The report: every number that the page, the bench or a user who asks for help may need (docs/guide/report.md).
 *
 * In: the state of the player's parts. Out: one flat object; null for unknown values. Keys are only ever added.
 */

import { PLAYOUT } from '../playout/controls.js';
import { delayMs } from './delay.js';

/**
 * @typedef {object} PlaybackStats Chromium's own figures on its output (AudioContext.playbackStats), times in ms
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
 * @property {import('../playout/controls.js').PlayoutReading | null} playout null unless sound plays
 * @property {import('../net/messages.js').WorkerStatus | null} worker
 * @property {number | null} serviceAheadMs how far the service's clock is ahead of page time; null while unknown
 * @property {number | null} heardContextMs
 * @property {string | null} outputClock
 * @property {import('./engine.js').Estimate | null} [outputEstimate] in place of the engine's figure
 * @property {ReturnType<typeof import('../playout/controls.js').readWhatIf> | null} whatIf
 * @property {import('../ledger.js').Ledger} ledger
 * @property {import('../playout/controls.js').ModeName} mode
 * @property {number | null} startToSoundMs
 */

/** @typedef {ReturnType<typeof buildReport>} Report */

/** @param {Known} known */
export function buildReport(known) {
  const { playout, worker, playbackStats } = known;
  const delay = knownDelayMs(known);
  const sounding = playout?.state === PLAYOUT.SOUNDING ? playout : null;
  const travelMs = (/** @type {'least_ms' | 'mean_ms' | 'most_ms'} */ which) => (
    worker?.travel && worker.clock ? worker.travel[which] + worker.clock.offset_ms : null);
  return {
    state: known.phase.state,
    problem: known.phase.problem,
    delay_ms: possible(delay),
    delay_estimated_ms: known.outputEstimate?.ms ?? null,
    delay_error_ms: known.outputEstimate?.error_ms ?? null,
    refused_delay_ms: delay !== null && delay < 0 ? delay : null,
    output_latency_ms: bestOutputLatencyMs(known),
    level_ms: sounding?.level_ms ?? null,
    target_ms: sounding?.target_ms ?? null,
    mode: known.mode,
    glitches: known.ledger.counts(),
    ledger: known.ledger.entries(),
    counted_since_ms: known.ledger.sinceMs,
    transport: known.transport,
    context_rate: known.contextRateHz,
    seq: worker?.seq ?? null,
    rate_ppm: playout?.rate_ppm ?? null,
    drift_ppm: worker?.drift?.ppm ?? null,
    drift_sigma_ppm: worker?.drift?.sigma_ppm ?? null,
    required_lead_ms: playout?.required_lead_ms ?? null,
    headroom_least_ms: sounding ? sounding.level_ms - sounding.required_lead_ms : null,
    spread_ms: null,
    jitter_ms: worker?.travel ? worker.travel.most_ms - worker.travel.least_ms : null,
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
    concealed_ms: playout?.concealed_ms ?? null,
    missing_ms: playout?.concealed_ms ?? null,
    resampled_ms: playout?.resampled_ms ?? null,
    trims: playout?.trims ?? null,
    trimmed_ms: playout?.trimmed_ms ?? null,
    inserts: playout?.inserts ?? null,
    inserted_ms: playout?.inserted_ms ?? null,
    jumps: playout?.jumps ?? null,
    splices: playout ? playout.trims + playout.inserts : null,
    ...whatIf(known, possible(delay)),
    messages: worker?.messages ?? null,
    received_bytes: worker?.bytes ?? null,
    reconnects: worker?.reconnects ?? null,
    last_refusal: worker?.last_refusal || null,
    period_frames: worker?.hello?.period_frames ?? null,
    chunk_frames: worker?.hello?.chunk_frames ?? null,
    chunk_why: worker?.hello?.chunk_why || null,
    server_version: worker?.hello?.server_version ?? null,
  };
}

/** @param {Report} report @returns {import('../net/messages.js').ListenerReport} the part that goes to the service */
export function listenerReport({ mode, delay_ms, level_ms, target_ms, jitter_ms, round_trip_ms, glitches }) {
  return { mode, delay_ms, level_ms, target_ms, arrival_tail_ms: jitter_ms, round_trip_ms, glitches };
}

/** @param {Known} known @returns {number | null} */
function knownDelayMs({ nowMs, phase, heardContextMs, contextRateHz, playout, worker, serviceAheadMs }) {
  if (phase.state !== 'playing' || heardContextMs === null || contextRateHz === null) return null;
  if (!playout || !worker?.anchor || serviceAheadMs === null) return null;
  return delayMs({ nowMs, heardContextMs, contextRateHz, playout, anchor: worker.anchor, serviceOffsetMs: serviceAheadMs });
}

/**
 * @param {number | null} delay
 * @returns {number | null} null if it is negative: nothing is heard before it was played, so the clocks are wrong
 */
function possible(delay) {
  return delay !== null && delay >= 0 ? delay : null;
}

/** @param {Known} known @returns {number | null} Chromium's measurement if there is one, otherwise the engine's claim */
function bestOutputLatencyMs({ playbackStats, outputLatencyMs }) {
  if (playbackStats && playbackStats.average_latency_ms > 0) return playbackStats.average_latency_ms;
  return outputLatencyMs;
}

/**
 * The cost of each lead so far. True delay and lead differ by a constant, so the delay of another lead follows from the present
 * one.
 *
 * @param {Known} known @param {number | null} nowMs the present true delay
 */
function whatIf(known, nowMs) {
  const { playout, whatIf: watched } = known;
  if (!playout || !watched || playout.state !== PLAYOUT.SOUNDING) return { what_if: null, what_if_observed_s: null };
  const hours = watched.observed_s / 3600;
  return {
    what_if: watched.leads.map(({ target_ms: targetMs, events, late_ms: lateMs }) => ({
      target_ms: targetMs,
      delay_ms: nowMs === null ? null : nowMs + targetMs - playout.level_ms,
      events,
      late_ms: lateMs,
      // Whole seconds only: a moment of lateness that was no event is nothing that anyone heard.
      events_per_hour: hours > 0 ? Math.max(events, Math.floor(lateMs / 1000)) / hours : 0,
    })),
    what_if_observed_s: watched.observed_s,
  };
}
