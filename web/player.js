/**
 * The player: the page's interface to the sound.
 *
 * In: start, stop, volume, pair, mode. Out: sound, states, numbers. Elsewhere: the sound itself (session.js), elements (view/),
 * words, decisions (core/).
 */

import { PLAYOUT } from './core/playout/controls.js';
import { Ledger } from './core/ledger.js';
import { MEMORABLE_SIGMA_PPM, REMEMBER_EVERY_MS } from './core/page/constants.js';
import { OutputChoice } from './core/page/output_choice.js';
import { phase } from './core/page/phase.js';
import { buildReport } from './core/page/report.js';
import { dateNowMs, pageNowMs, Session } from './session.js';

/**
 * The player's knowledge about this device, stored from visit to visit.
 *
 * @typedef {object} Memory
 * @property {import('./core/clock/live_edge.js').ClockMemory | null} clocks
 * @property {number} output the safety step that the output needed
 */

/**
 * @typedef {object} PlayerOptions
 * @property {string} [serviceUrl] default: the page's own address
 * @property {AudioContextLatencyCategory | number | null} [latencyHint] default: the smallest that works on this device
 *   (core/page/output_choice.js)
 * @property {number | null} [contextRate] default: the device's own
 * @property {'auto' | 'sab' | 'port'} [transport]
 * @property {Memory} [memory] from an earlier visit
 * @property {(memory: Memory) => void} [remember]
 */

/** @typedef {import('./session.js').Failure} Failure */
/** @typedef {import('./core/playout/controls.js').ModeName} ModeName */

/** Sends 'change' about ten times a second while active, and whenever the state changes. */
export class Player extends EventTarget {
  #options;
  #output;
  #memory;
  #rememberedMs = -Infinity;
  /** @type {Session | null} */
  #session = null;
  /** @type {Failure | null} */
  #failure = null;
  #volume = 1;
  /** @type {ModeName} */
  #mode = 'auto';
  /** The lead chosen by hand, which overrides the mode. @type {number | null} */
  #fixedMs = null;
  /** The options of the last start. */
  #ledger = new Ledger();

  /** @param {PlayerOptions} [options] */
  constructor(options = {}) {
    super();
    this.#options = {
      serviceUrl: options.serviceUrl ?? location.href,
      latencyHint: options.latencyHint ?? null,
      contextRate: options.contextRate ?? null,
      transport: options.transport ?? 'auto',
      remember: options.remember ?? (() => {}),
    };
    this.#memory = options.memory ?? { clocks: null, output: 0 };
    this.#output = new OutputChoice(this.#memory.output);
  }

  /**
   * Call it in the gesture handler itself: the context is made and resumed before this returns. If the sound is blocked, this
   * unblocks it.
   */
  start() {
    const { state } = this.report();
    if (this.#session && state !== 'failed' && (state !== 'blocked' || this.#session.unblock())) return;
    this.#session?.close();
    this.#session = null;
    this.#failure = obstacle();
    this.#ledger = new Ledger(dateNowMs());
    if (!this.#failure) this.#open();
    this.#changed();
  }

  stop() {
    this.#session?.close();
    this.#session = null;
    this.#failure = null;
    this.#changed();
  }

  /** @param {number} volume 0 to 1, the slider's position; its square is the gain, which matches perceived loudness */
  setVolume(volume) {
    this.#volume = Math.min(1, Math.max(0, volume));
    this.#session?.setGain(this.#volume ** 2);
  }

  /** @param {number} firstChannel from 1; heard by every listener of the service */
  setPair(firstChannel) {
    this.#session?.setPair(firstChannel);
  }

  /** Sets how the lead is chosen, before or while playing. @param {Exclude<ModeName, 'fixed'>} mode */
  setMode(mode) {
    this.#mode = mode;
    this.#session?.setMode(this.#modeNow, this.#fixedMs);
  }

  /** @param {number | null} targetMs a lead chosen by hand; null: back to the mode */
  setTarget(targetMs) {
    this.#fixedMs = targetMs;
    this.#session?.setMode(this.#modeNow, targetMs);
  }

  /** Glitches, ledger and what-if curve count from now on. */
  resetCounts() {
    if (this.#session) this.#session.resetCounts();
    else this.#ledger.reset(dateNowMs());
    this.#changed();
  }

  /** @returns {Promise<string | null>} the last minutes of arrivals as CSV, for `make simulate`; null if there are none */
  async trace() {
    return this.#session?.trace() ?? null;
  }

  /** Returns the values that the page shows; `peaks` are left and right since the last change, linear. */
  snapshot() {
    const known = this.#known();
    return {
      ...buildReport(known), problem_detail: known.phase.detail, source: known.worker?.source ?? null, peaks: known.peaks,
      volume: this.#volume,
    };
  }

  /** @returns {import('./core/page/report.js').Report} the numbers of docs/guide/report.md */
  report() {
    return buildReport(this.#known());
  }

  /** @returns {ModeName} */
  get #modeNow() {
    return this.#fixedMs === null ? this.#mode : 'fixed';
  }

  /** @returns {AudioContextLatencyCategory | number} */
  get #latencyHint() {
    return this.#options.latencyHint ?? this.#output.hint(this.#mode);
  }

  #known() {
    const own = { ledger: this.#ledger, mode: this.#modeNow };
    if (this.#session) return { ...this.#session.known(), ...own };
    const now = phase({ ...NO_INPUTS, failure: this.#failure });
    return { ...NOTHING_KNOWN, ...own, latencyHint: this.#latencyHint, nowMs: pageNowMs(), phase: now };
  }

  #open() {
    try {
      this.#session = new Session({
        ...this.#options,
        latencyHint: this.#latencyHint,
        gain: this.#volume ** 2,
        mode: this.#modeNow,
        fixedMs: this.#fixedMs,
        remembered: this.#memory.clocks,
        ledger: this.#ledger,
      }, { changed: () => this.#looked(), failed: (failure) => this.#fail(failure) });
      this.#output.begin(pageNowMs());
    } catch (error) {
      this.#fail({ problem: 'internal', detail: String(error) });
    }
  }

  /** Handles news of the session: learns from it, and informs the page. */
  #looked() {
    const known = this.#session?.known();
    if (known) this.#learn(known);
    this.#changed();
  }

  /** @param {ReturnType<Session['known']>} known */
  #learn({ nowMs, worker, playbackStats, playout }) {
    const underruns = playbackStats?.underruns ?? playout?.skips ?? 0;
    const needsSafer = this.#output.observe(underruns, nowMs) && this.#options.latencyHint === null;
    if (needsSafer) {
      this.#session?.close();
      this.#open();
    }
    const clocks = worker?.drift && worker.drift.sigma_ppm < MEMORABLE_SIGMA_PPM ? worker.drift.memory : null;
    if (!needsSafer && (!clocks || nowMs - this.#rememberedMs < REMEMBER_EVERY_MS)) return;
    this.#rememberedMs = nowMs;
    this.#memory = { clocks: clocks ?? this.#memory.clocks, output: this.#output.step };
    this.#options.remember(this.#memory);
  }

  /** @param {Failure} failure */
  #fail(failure) {
    this.#session?.close();
    this.#session = null;
    this.#failure = failure;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** @type {import('./core/page/phase.js').PhaseInputs} */
const NO_INPUTS = {
  started: false, failure: null, started_ago_ms: 0, context_state: 'closed', context_still_ms: 0, worker: null,
  playout_state: PLAYOUT.EMPTY, silent_ms: Infinity, refusal: null,
};

/** @type {Omit<import('./core/page/report.js').Known, 'nowMs' | 'phase' | 'latencyHint' | 'ledger' | 'mode'> & {peaks: null}} */
const NOTHING_KNOWN = {
  transport: null, contextRateHz: null, baseLatencyMs: null, outputLatencyMs: null, playbackStats: null, playout: null,
  whatIf: null, worker: null, serviceAheadMs: null, heardContextMs: null, outputClock: null, startToSoundMs: null, peaks: null,
};

/** @returns {Failure | null} why this page cannot play at all */
function obstacle() {
  if (!globalThis.isSecureContext) return { problem: 'insecure_context', detail: '' };
  // The constructors may exist although the property does not: Chromium shows AudioWorkletNode on insecure pages, too.
  const able = typeof AudioContext === 'function' && 'audioWorklet' in AudioContext.prototype && typeof Worker === 'function';
  return able ? null : { problem: 'no_worklet', detail: '' };
}
