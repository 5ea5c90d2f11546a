/**
 * The last minutes of arrivals on a real network, as a trace that `make simulate` can replay.
 *
 * In: every record's frame index, capture time and arrival; now and then how far the service's clock is ahead. Out: CSV
 * (tests/web/sim/trace.js reads it), both times on the service's clock. Memory is taken once. No clock is read here.
 */

import { TRACE_FIELDS, TRACE_OFFSETS, TRACE_PACKETS } from './constants.js';
import { NS_PER_MS } from '../constants.js';
import { lineThrough } from '../clock/least_squares.js';

export class TraceRecorder {
  #packets = new Float64Array(TRACE_PACKETS * TRACE_FIELDS);
  #count = 0;
  /** Lag of the Worker's clock behind the service's, ms, by Worker time. @type {{at: number, late: number}[]} */
  #offsets = [];

  /** Call this when the connection is new: earlier records used another clock, or belonged to another stream. */
  clear() {
    this.#count = 0;
    this.#offsets = [];
  }

  /** @param {number} frameIndex @param {number} captureNs service clock @param {number} nowMs Worker time of arrival */
  arrived(frameIndex, captureNs, nowMs) {
    const at = (this.#count % TRACE_PACKETS) * TRACE_FIELDS;
    this.#packets[at] = frameIndex;
    this.#packets[at + 1] = captureNs;
    this.#packets[at + 2] = nowMs;
    this.#count += 1;
  }

  /** @param {number} nowMs Worker time @param {number} offsetMs how far the service's clock is ahead of it */
  compared(nowMs, offsetMs) {
    this.#offsets.push({ at: nowMs, late: offsetMs });
    if (this.#offsets.length > TRACE_OFFSETS) this.#offsets.shift();
  }

  /** @returns {string | null} CSV, null while there is nothing to write */
  csv() {
    const packets = Math.min(this.#count, TRACE_PACKETS);
    if (packets < 2 || this.#offsets.length === 0) return null;
    const line = lineThrough(this.#offsets);
    const rows = Array.from({ length: packets }, (_, index) => this.#row(this.#count - packets + index, line));
    // The clocks' offset is known to half a round trip: no packet may seem to arrive before it was captured.
    const earliest = rows.reduce((least, { travelNs }) => Math.min(least, travelNs), Infinity);
    const shiftNs = Math.max(0, 1000 - earliest);
    const written = rows.map(({ frame, captureNs, travelNs }) => `${frame},${captureNs},${captureNs + Math.round(travelNs + shiftNs)}`);
    return `frame_index,capture_ns,arrival_ns\n${written.join('\n')}\n`;
  }

  /** @param {number} index @param {import('../clock/least_squares.js').FittedLine} line */
  #row(index, line) {
    const at = (index % TRACE_PACKETS) * TRACE_FIELDS;
    const captureNs = Math.round(/** @type {number} */ (this.#packets[at + 1]));
    const nowMs = /** @type {number} */ (this.#packets[at + 2]);
    const serviceMs = nowMs + line.late + line.slope * (nowMs - line.at);
    return { frame: /** @type {number} */ (this.#packets[at]), captureNs, travelNs: serviceMs * NS_PER_MS - captureNs };
  }
}
