/**
 * A session: the sound, from one start to the next stop.
 *
 * In: options. Out: sound, and figures about it. Connects the Worker, the worklet and the output. Elsewhere: starting again
 * (player.js), the way to the speakers (audio_output.js) and its figures (output_probe.js), decisions (core/).
 */

import { AudioOutput } from './audio_output.js';
import { ControlWords } from './control_words.js';
import { readEvents, readPlayout, readWhatIf, PLAYOUT, takePeaks } from './core/playout/controls.js';
import { CLOSE_AFTER_MS, LOOK_EVERY_MS, REFUSAL_SHOWN_MS, SETTLED_MS, SLOW_LOOKS, SOUNDED_LATELY_MS } from './core/page/constants.js';
import { GlitchWatch } from './core/page/glitch_watch.js';
import { phase } from './core/page/phase.js';
import { buildReport, listenerReport } from './core/page/report.js';
import { whatIfSince } from './core/page/what_if_since.js';
import { OutputProbe } from './output_probe.js';
import { WorkerClock } from './worker_clock.js';

/** @typedef {{problem: import('./core/net/messages.js').Problem, detail: string}} Failure */

/**
 * @typedef {object} SessionOptions
 * @property {string} serviceUrl
 * @property {'auto' | 'sab' | 'port'} transport
 * @property {import('./core/playout/controls.js').ModeName} mode
 * @property {number | null} fixedMs
 * @property {import('./core/clock/live_edge.js').ClockMemory | null} remembered
 * @property {import('./core/ledger.js').Ledger} ledger
 *
 * @typedef {SessionOptions & import('./audio_output.js').OutputOptions} Options
 */

/** @typedef {{changed: () => void, failed: (failure: Failure) => void}} SessionEvents */

/** Page time: the clock of this thread. The Worker has another clock (worker_clock.js). @returns {number} ms */
export function pageNowMs() {
  return performance.now();
}

/** The date, for the entries of the ledger. @returns {number} ms since 1970 */
export function dateNowMs() {
  return Date.now();
}

/** Messages that arrive after the session was closed are dropped. */
export class Session {
  #options;
  #events;
  #output;
  #probe;
  #worker;
  #workerClock = new WorkerClock(() => this.#tellWorker({ type: 'compare', asked_ms: pageNowMs() }));
  #controls;
  #closed = false;
  #lookTimer;

  #startedMs = pageNowMs();
  /** @type {import('./core/net/messages.js').WorkerStatus | null} */
  #status = null;
  /** @type {import('./core/playout/controls.js').PlayoutReading | null} */
  #playout = null;
  /** @type {[number, number]} */
  #peaks = [0, 0];
  #soundedMs = -Infinity;
  #firstSoundedMs = Infinity;
  #glitches;
  /** @type {ReturnType<typeof readWhatIf> | null} */
  #whatIf = null;
  /** The audio thread's counts when the listener's were last reset. @type {ReturnType<typeof readWhatIf> | null} */
  #whatIfBefore = null;
  #looks = 0;
  /** @type {number | null} */
  #startToSoundMs = null;
  /** @type {{words: string, atMs: number} | null} */
  #refusal = null;
  /** The functions that wait for a trace. @type {((csv: string | null) => void)[]} */
  #traceWanted = [];
  #shownState = '';
  #wasRunning = false;

  /** @param {Options} options @param {SessionEvents} events */
  constructor(options, events) {
    this.#options = options;
    this.#events = events;
    this.#glitches = new GlitchWatch(options.ledger, (pageMs) => dateNowMs() - pageNowMs() + pageMs);
    this.#controls = new ControlWords(options.transport, options.mode, options.fixedMs);
    this.#output = new AudioOutput(options, () => this.#contextChanged());
    this.#probe = new OutputProbe(this.#output.context, this.#startedMs);
    this.#worker = this.#startWorker();
    this.#workerClock.begin();
    this.#lookTimer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    void this.#startWorklet();
  }

  /** @returns {boolean} whether this gesture may bring the sound back; if not, only a new context can */
  unblock() {
    if (!this.#output.unblock()) return false;
    this.#startedMs = pageNowMs();
    this.#probe.awaken(this.#startedMs);
    return true;
  }

  /** @param {number} gain */
  setGain(gain) {
    this.#output.setGain(gain);
  }

  /** @param {number} firstChannel */
  setPair(firstChannel) {
    this.#tellWorker({ type: 'set_pair', first_channel: firstChannel });
  }

  /** @param {import('./core/playout/controls.js').ModeName} mode @param {number | null} fixedMs */
  setMode(mode, fixedMs) {
    this.#options = { ...this.#options, mode, fixedMs };
    this.#controls.setMode(mode, fixedMs);
  }

  /** Glitches, ledger and what-if curve count from now on. */
  resetCounts() {
    this.#options.ledger.reset(dateNowMs());
    this.#beginWhatIf();
  }

  #beginWhatIf() {
    this.#whatIfBefore = this.#controls.words && readWhatIf(this.#controls.words);
    this.#whatIf = null;
  }

  /** @returns {Promise<string | null>} the last minutes of arrivals as CSV; null if there are none */
  trace() {
    this.#tellWorker({ type: 'trace' });
    return new Promise((give) => this.#traceWanted.push(give));
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const give of this.#traceWanted.splice(0)) give(null);
    clearInterval(this.#lookTimer);
    this.#workerClock.stop();
    this.#worker.onmessage = this.#worker.onerror = null;
    this.#tellWorker({ type: 'close' });
    this.#output.fadeOut();
    setTimeout(() => {
      this.#worker.terminate();
      this.#controls.close();
      this.#output.close();
    }, CLOSE_AFTER_MS);
  }

  /** @returns {Omit<import('./core/page/report.js').Known, 'mode'> & {peaks: ArrayLike<number>}} */
  known() {
    const nowMs = pageNowMs();
    return {
      nowMs,
      ...this.#probe.known(nowMs),
      phase: this.#phase(nowMs),
      transport: this.#controls.memory ? 'sab' : 'port',
      latencyHint: this.#options.latencyHint,
      playout: this.#playout,
      worker: this.#status,
      serviceAheadMs: this.#workerClock.serviceAheadMs(this.#status, nowMs),
      whatIf: this.#whatIf,
      ledger: this.#options.ledger,
      startToSoundMs: this.#startToSoundMs,
      peaks: this.#peaks,
    };
  }

  /** @param {number} nowMs */
  #phase(nowMs) {
    const refused = this.#refusal;
    return phase({
      started: true,
      failure: null,
      started_ago_ms: nowMs - this.#startedMs,
      context_state: this.#output.context.state,
      context_still_ms: this.#probe.stillMs(nowMs),
      worker: this.#status,
      playout_state: this.#playout?.state ?? PLAYOUT.EMPTY,
      silent_ms: nowMs - this.#soundedMs,
      refusal: refused && nowMs - refused.atMs < REFUSAL_SHOWN_MS ? refused.words : null,
    });
  }

  /** @returns {Worker} */
  #startWorker() {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'synthwire socket' });
    worker.onmessage = ({ data }) => this.#workerSaid(data);
    worker.onerror = (event) => this.#fail(event.message ? `worker: ${event.message}` : 'worker_not_loaded');
    const { memory, workerPort: port } = this.#controls;
    /** @type {import('./core/net/messages.js').Open<MessagePort>} */
    const order = {
      type: 'open', url: this.#options.serviceUrl, memory, port, context_rate_hz: this.#output.context.sampleRate,
      remembered: this.#options.remembered, glitches: this.#options.ledger.totals(),
    };
    worker.postMessage(order, port ? [port] : []);
    return worker;
  }

  async #startWorklet() {
    try {
      await this.#output.loadWorklet();
      if (this.#closed) return;
      const node = this.#output.newWorklet({ memory: this.#controls.memory });
      node.onprocessorerror = () => this.#fail('audio_thread_broke');
      this.#output.play(node);
      this.#controls.attach(node);
    } catch (error) {
      this.#fail(`worklet: ${String(error)}`);
    }
  }

  /** @param {string} detail */
  #fail(detail) {
    if (!this.#closed) this.#events.failed({ problem: 'internal', detail });
  }

  /** @param {import('./core/net/messages.js').ToWorker<MessagePort>} order */
  #tellWorker(order) {
    this.#worker.postMessage(order);
  }

  /** @param {import('./core/net/messages.js').FromWorker} message */
  #workerSaid(message) {
    const nowMs = pageNowMs();
    switch (message.type) {
      case 'status':
        this.#workerClock.heard(message.status.at_ms, nowMs);
        this.#status = message.status;
        this.#glitches.worker(message.status, nowMs, this.#workerClock.aheadMs(nowMs));
        break;
      case 'compared':
        this.#workerClock.answered(message, nowMs);
        return;
      case 'trace':
        for (const give of this.#traceWanted.splice(0)) give(message.csv);
        return;
      case 'refused':
        this.#refusal = { words: message.reason, atMs: nowMs };
    }
    this.#announce();
  }

  #contextChanged() {
    const stopped = this.#output.context.state !== 'running';
    // Count each sleep once, and only if it interrupted the sound: iOS goes from running through interrupted to suspended.
    if (stopped && this.#wasRunning && pageNowMs() - this.#soundedMs < SOUNDED_LATELY_MS) this.#glitches.suspended();
    this.#wasRunning = !stopped;
    this.#probe.restart(pageNowMs());
    this.#announce();
  }

  /** Ten times a second: clocks, counters, peaks. */
  #look() {
    const nowMs = pageNowMs();
    this.#probe.look(nowMs);
    this.#controls.refresh();
    if (this.#controls.words) this.#lookAtPlayout(this.#controls.words, nowMs);
    this.#looks += 1;
    if (this.#looks % SLOW_LOOKS === 0) this.#lookSlowly();
    this.#events.changed();
  }

  /** @param {Int32Array} words @param {number} nowMs */
  #lookAtPlayout(words, nowMs) {
    const playout = readPlayout(words);
    if (!playout) return;
    takePeaks(words, this.#peaks);
    this.#playout = playout;
    const isSounding = playout.state === PLAYOUT.SOUNDING;
    if (isSounding) this.#soundedMs = nowMs;
    if (isSounding) this.#firstSoundedMs = Math.min(this.#firstSoundedMs, nowMs);
    this.#noteFirstSound(playout.first_sound_context_frame);
    this.#glitches.playout(playout, readEvents(words, this.#glitches.events), (frame) => this.#probe.heardMs(frame) ?? nowMs);
    this.#glitches.output(this.#probe.playbackStats, playout.skips, isSounding, nowMs);
    this.#glitches.sleeps(nowMs);
    if (nowMs - this.#firstSoundedMs >= SETTLED_MS && this.#options.ledger.settle(dateNowMs())) this.#beginWhatIf();
  }

  /** Called once a second. */
  #lookSlowly() {
    this.#whatIf = this.#controls.words && whatIfSince(readWhatIf(this.#controls.words), this.#whatIfBefore);
    const report = buildReport({ ...this.known(), mode: this.#options.mode });
    this.#tellWorker({ type: 'tell', report: listenerReport({ ...report, glitches: this.#options.ledger.totals() }) });
  }

  /** @param {number | null} contextFrame */
  #noteFirstSound(contextFrame) {
    if (contextFrame === null || this.#startToSoundMs !== null) return;
    const heardMs = this.#probe.heardMs(contextFrame);
    if (heardMs !== null) this.#startToSoundMs = heardMs - this.#startedMs;
  }

  /** Reports a change of state at once. */
  #announce() {
    const { state, problem } = this.#phase(pageNowMs());
    const shown = `${state} ${problem}`;
    if (shown === this.#shownState) return;
    this.#shownState = shown;
    this.#events.changed();
  }
}
