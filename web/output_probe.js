/**
 * Reads what the page's thread can learn about the output: the moment of the context that reaches the ear, and the engine's
 * latency figures.
 *
 * In: the AudioContext, read ten times a second. Out: numbers; null if the engine does not give them. Elsewhere: which of them
 * are believed (core/clock/output_clock.js), starting and stopping (session.js). The time is passed in as an argument.
 */

import { OutputClock } from './core/clock/output_clock.js';
import { mayAskForOutput } from './core/page/engine.js';

export class OutputProbe {
  #context;
  #clock = new OutputClock();
  #contextMs = -1;
  #movedMs;

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
    const latencyMs = this.playbackStats?.average_latency_ms || this.#latencyMs;
    this.#clock.observe({ now_ms: nowMs, context_ms: contextMs, stamp: this.#stamp, latency_ms: latencyMs });
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
      outputClock: this.#clock.method,
    };
  }

  /** @returns {import('./core/page/report.js').PlaybackStats | null} Chromium's own figures; null elsewhere */
  get playbackStats() {
    const stats = this.#context.playbackStats;
    return stats ? {
      average_latency_ms: stats.averageLatency * 1000,
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
