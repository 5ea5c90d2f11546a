/**
 * Reads what the page's thread can learn about the output: the moment of the context that reaches the ear, and the engine's
 * latency figures.
 *
 * In: the AudioContext, read ten times a second. Out: numbers; null if the engine does not give them. Elsewhere: which of them
 * are believed (core/clock/output_clock.js), starting and stopping (session.js). The time is passed in as an argument.
 */

import { OutputClock } from './core/clock/output_clock.js';
import { OUTPUT_AVERAGE_MS, STAMP_SHORT_MS } from './core/page/constants.js';
import { estimatedOutput, mayAskForOutput } from './core/page/engine.js';

export class OutputProbe {
  #context;
  #clock = new OutputClock();
  #contextMs = -1;
  #movedMs;
  #averagedMs = -Infinity;
  /** Chromium's average over the last whole window, seconds. @type {number | null} */
  #lastAverage = null;

  /** @param {AudioContext} context @param {number} nowMs */
  constructor(context, nowMs) {
    this.#context = context;
    this.#movedMs = nowMs;
  }

  /** @param {number} nowMs */
  look(nowMs) {
    const context = this.#context;
    const contextMs = context.currentTime * 1000;
    if (contextMs !== this.#contextMs) {
      this.#contextMs = contextMs;
      this.#movedMs = nowMs;
    }
    if (context.state !== 'running') return;
    this.#averageAnew(nowMs);
    const latencyMs = this.playbackStats?.average_latency_ms || this.#latencyMs;
    const stamp = this.#stamp;
    const lagMs = stamp ? contextMs - nowMs - (stamp.context_ms - stamp.at_ms) : 0;
    // A stamp may leave out what comes after the system's mixer, such as the way to wireless headphones; the latency has it then.
    const isShort = stamp !== null && this.#latencyMs !== null && this.#latencyMs - lagMs > STAMP_SHORT_MS;
    this.#clock.observe({ now_ms: nowMs, context_ms: contextMs, stamp: isShort ? null : stamp, latency_ms: latencyMs ?? this.#estimate?.ms ?? null });
  }

  /** Call this when the context runs, or soon will. @param {number} nowMs */
  awaken(nowMs) {
    this.#movedMs = nowMs;
  }

  /** Call this when the context's state has changed: earlier readings of its output no longer count. @param {number} nowMs */
  restart(nowMs) {
    this.#clock.reset();
    this.#movedMs = nowMs;
  }

  /** @param {number} nowMs @returns {number} ms for which the context's time has stood still */
  stillMs(nowMs) {
    return nowMs - this.#movedMs;
  }

  /** @param {number} contextFrame low 32 bits @returns {number | null} the time when it is heard */
  heardMs(contextFrame) {
    const { currentTime, sampleRate } = this.#context;
    const now = Math.floor(currentTime * sampleRate);
    const unwrapped = now + ((contextFrame - now) | 0);
    return this.#clock.pageMsWhenHeard((unwrapped * 1000) / sampleRate);
  }

  /** The output's part of the report. @param {number} nowMs */
  known(nowMs) {
    return {
      contextRateHz: this.#context.sampleRate,
      baseLatencyMs: milliseconds(this.#context.baseLatency),
      outputLatencyMs: this.#latencyMs,
      playbackStats: this.playbackStats,
      heardContextMs: this.#clock.heardContextMs(nowMs),
      outputClock: this.#isEstimated ? 'estimate' : this.#clock.method,
      outputEstimate: this.#isEstimated ? this.#estimate : null,
    };
  }

  /** @returns {import('./core/page/engine.js').Estimate | null} null if the engine tells its own figure */
  get #estimate() {
    return this.playbackStats || this.#latencyMs !== null ? null : estimatedOutput(navigator.userAgent);
  }

  get #isEstimated() {
    return this.#estimate !== null && this.#clock.method === 'latency';
  }

  /** Lets Chromium average over the recent past only. @param {number} nowMs */
  #averageAnew(nowMs) {
    const stats = this.#context.playbackStats;
    if (!stats?.resetLatency || nowMs - this.#averagedMs < OUTPUT_AVERAGE_MS) return;
    if (stats.averageLatency > 0) this.#lastAverage = stats.averageLatency;
    this.#averagedMs = nowMs;
    stats.resetLatency();
  }

  /** @returns {import('./core/page/report.js').PlaybackStats | null} Chromium's own figures; null elsewhere */
  get playbackStats() {
    const stats = this.#context.playbackStats;
    return stats ? {
      average_latency_ms: (this.#lastAverage ?? stats.averageLatency) * 1000,
      minimum_latency_ms: stats.minimumLatency * 1000,
      maximum_latency_ms: stats.maximumLatency * 1000,
      underruns: stats.underrunEvents,
      underrun_ms: stats.underrunDuration * 1000,
    } : null;
  }

  /** @returns {number | null} the engine's figure; null if the engine must not be asked */
  get #latencyMs() {
    return mayAskForOutput(navigator.userAgent) ? milliseconds(this.#context.outputLatency) : null;
  }

  /** @returns {import('./core/clock/output_clock.js').OutputReading['stamp']} null if there is none */
  get #stamp() {
    if (!mayAskForOutput(navigator.userAgent)) return null;
    const { contextTime, performanceTime } = this.#context.getOutputTimestamp();
    return contextTime && performanceTime ? { context_ms: contextTime * 1000, at_ms: performanceTime } : null;
  }
}

/** @param {number | undefined} seconds @returns {number | null} null if the engine gives none; 0 counts as none */
function milliseconds(seconds) {
  return seconds ? seconds * 1000 : null;
}
