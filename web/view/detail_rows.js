/**
 * The plain numbers of the details, in words.
 *
 * In: a snapshot. Out: labels and values; a dash for the unknown. Pure.
 */

import { msOf } from '../core/units.js';
import { fineMilliseconds, isKnown, milliseconds, thousands, UNKNOWN } from './figures.js';

/** @typedef {import('./words.js').Snapshot} Snapshot */

/** @param {Snapshot} snapshot @returns {{label: string, value: string}[]} rows: the sound first, technical figures last */
export function detailRows(snapshot) {
  const { source } = snapshot;
  const heard = source && source.channels > 0
    ? heardWords(source.channels, source.first_channel) : UNKNOWN;
  return [
    { label: 'Delay behind the synth', value: delayWords(snapshot) },
    { label: 'Of that, browser output', value: outputWords(snapshot) },
    { label: 'Of that, network', value: fineMilliseconds(snapshot.network_delay_ms) },
    { label: 'Network jitter', value: fineMilliseconds(snapshot.jitter_ms) },
    { label: 'Packet length', value: chunkWords(snapshot) },
    { label: 'Buffer level', value: fineMilliseconds(snapshot.level_ms) },
    { label: 'Buffer target', value: fineMilliseconds(snapshot.target_ms) },
    { label: 'Buffer needed, last 20 s', value: fineMilliseconds(snapshot.required_lead_ms) },
    { label: 'Clock drift', value: partsPerMillion(snapshot.drift_ppm) },
    { label: 'Playing speed', value: partsPerMillion(snapshot.rate_ppm) },
    { label: 'Splices', value: count(snapshot.splices) },
    { label: 'Sound concealed', value: milliseconds(snapshot.concealed_ms ?? null) },
    { label: 'Channels heard', value: heard },
    { label: 'Sample rate of the synth', value: source?.rate_hz ? `${thousands(source.rate_hz)} Hz` : UNKNOWN },
    { label: 'Sample rate here', value: isKnown(snapshot.context_rate) ? `${thousands(snapshot.context_rate)} Hz` : UNKNOWN },
    { label: 'Path to the audio thread', value: transportWords(snapshot.transport) },
    { label: 'Packet number', value: count(snapshot.seq) },
    { label: 'State', value: snapshot.problem ? `${snapshot.state} (${snapshot.problem})` : snapshot.state },
  ];
}

/** @param {Snapshot} snapshot @returns {string} */
function delayWords({ delay_ms: delayMs, refused_delay_ms: refusedMs, delay_estimated_ms: estimatedMs, delay_error_ms: errorMs }) {
  if (isKnown(delayMs) && isKnown(estimatedMs)) {
    return `about ${milliseconds(delayMs)}, ${milliseconds(estimatedMs)} of them estimated, ±${milliseconds(errorMs ?? null)}`;
  }
  return isKnown(refusedMs) ? `${UNKNOWN} (the clocks disagree: ${fineMilliseconds(refusedMs)} cannot be)` : fineMilliseconds(delayMs);
}

/** @param {Snapshot} snapshot @returns {string} */
function outputWords({ output_latency_ms: latencyMs, delay_estimated_ms: estimatedMs, delay_error_ms: errorMs }) {
  if (isKnown(latencyMs) || !isKnown(estimatedMs)) return fineMilliseconds(latencyMs);
  return `not told; about ${milliseconds(estimatedMs)}, ±${milliseconds(errorMs ?? null)}`;
}

/** @param {number | null | undefined} ppm @returns {string} "+12.3 ppm", "−0.4 ppm"; 100 ppm are 6 ms a minute */
function partsPerMillion(ppm) {
  if (!isKnown(ppm)) return UNKNOWN;
  const rounded = Math.round(ppm * 10) / 10;
  return `${rounded > 0 ? '+' : rounded < 0 ? '−' : ''}${Math.abs(rounded).toFixed(1)} ppm`;
}

/** @param {number | null | undefined} value @returns {string} */
function count(value) {
  return isKnown(value) ? thousands(value) : UNKNOWN;
}

/** @param {string | null} transport @returns {string} */
function transportWords(transport) {
  if (transport === 'sab') return 'shared memory';
  return transport === 'port' ? 'messages' : transport ?? UNKNOWN;
}

/** @param {Snapshot} snapshot @returns {string} how much sound a message holds, and why if it is not the minimum */
function chunkWords({ chunk_frames: frames, chunk_why: why, source }) {
  const length = fineMilliseconds(isKnown(frames) ? msOf(frames, source?.rate_hz || undefined) : null);
  if (why === 'network') return `${length}, as this network needs`;
  return why === 'service_busy' ? `${length}, because of many listeners` : length;
}

/** @param {number} channels @param {number} first @returns {string} */
function heardWords(channels, first) {
  return channels === 1 ? '1 of 1, on both sides' : `${first}–${first + 1} of ${channels}`;
}
