/**
 * A session: the sound, from one start to the next stop.
 *
 * In: what is wished. Out: sound, and what is known of it. Owns the AudioContext, the Worker and the worklet, and samples
 * the clocks that exist only on this thread. What belongs elsewhere: starting again (player.js), decisions (core/).
 */

import { readEvents, readPlayout, readWhatIf, PLAYOUT, takePeaks, writeMode } from './core/playout/controls.js';
import { mayAskForOutput } from './core/page/engine.js';
import { GlitchWatch } from './core/page/glitch_watch.js';
import { PROCESSOR_NAME } from './core/net/messages.js';
import { OutputClock } from './core/clock/output_clock.js';
import { phase } from './core/page/phase.js';
import { buildReport } from './core/page/report.js';
import { controlWords, RING_BYTES } from './core/playout/ring.js';

const LOOK_EVERY_MS = 100;
/** Every so many looks the slow things: what-if, and the word to the service. */
const SLOW_LOOKS = 10;
/** Volume, and the end of a session, move without a step. */
const RAMP_S = 0.02;
const CLOSE_AFTER_MS = 60;
/** Sound this fresh was playing a moment ago: three looks. */
const SOUNDED_LATELY_MS = 300;
/** How long a refused wish is shown. */
const REFUSAL_SHOWN_MS = 8000;

/** @typedef {{problem: import('./core/net/messages.js').Problem, detail: string}} Failure */

/**
 * @typedef {object} Wishes
 * @property {string} socketUrl
 * @property {AudioContextLatencyCategory | number} latencyHint
 * @property {number | null} contextRate null: the device's own
 * @property {'auto' | 'sab' | 'port'} transport
 * @property {number} gain
 * @property {import('./core/playout/controls.js').ModeName} mode
 * @property {number | null} fixedMs
 * @property {import('./core/clock/live_edge.js').ClockMemory | null} remembered
 * @property {import('./core/ledger.js').Ledger} ledger
 */

/** @typedef {{changed: () => void, failed: (failure: Failure) => void}} Told */

/** Page time: one scale for Worker and page. @returns {number} ms */
export function pageNowMs() {
  return performance.timeOrigin + performance.now();
}

/** Whatever comes late for a session that was closed is dropped. */
export class Session {
  #wishes;
  #told;
  #context;
  #gain;
  #worker;
  /** @type {AudioWorkletNode | null} */
  #node = null;
  /** Null where memory cannot be shared. @type {SharedArrayBuffer | null} */
  #memory;
  #channel = new MessageChannel();
  /** Shared, or the worklet's last copy. @type {Int32Array | null} */
  #controls;
  #clock = new OutputClock();
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
  #contextMs = -1;
  #contextMovedMs = this.#startedMs;
  #glitches;
  /** @type {ReturnType<typeof readWhatIf> | null} */
  #whatIf = null;
  #looks = 0;
  /** @type {number | null} */
  #startToSoundMs = null;
  /** @type {{words: string, atMs: number} | null} */
  #wishRefused = null;
  /** Who waits for a trace. @type {((csv: string | null) => void)[]} */
  #traceWanted = [];
  #shownState = '';
  #wasRunning = false;

  /** @param {Wishes} wishes @param {Told} told */
  constructor(wishes, told) {
    this.#wishes = wishes;
    this.#told = told;
    this.#glitches = new GlitchWatch(wishes.ledger);
    // An isolated page is promised shared memory, but WebKitGTK has it only when asked to: look for the thing itself.
    const mayShare = globalThis.crossOriginIsolated && typeof SharedArrayBuffer === 'function';
    this.#memory = mayShare && wishes.transport !== 'port' ? new SharedArrayBuffer(RING_BYTES) : null;
    if (wishes.transport === 'sab' && !this.#memory) throw new Error('this page may not share memory between threads');
    this.#controls = this.#memory && controlWords(this.#memory);
    if (this.#controls) writeMode(this.#controls, wishes.mode, wishes.fixedMs);
    // Playback, not ambience: on iOS the silent switch then does not mute it.
    if (navigator.audioSession) navigator.audioSession.type = 'playback';
    this.#context = new AudioContext({ latencyHint: wishes.latencyHint, ...(wishes.contextRate && { sampleRate: wishes.contextRate }) });
    void this.#context.resume().catch(() => {}); // a context that stays suspended is shown as blocked
    this.#gain = new GainNode(this.#context, { gain: wishes.gain });
    this.#gain.connect(this.#context.destination);
    this.#context.onstatechange = () => this.#contextChanged();
    document.addEventListener('visibilitychange', this.#returned);
    this.#worker = this.#startWorker();
    this.#lookTimer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    void this.#startWorklet();
  }

  /** @returns {boolean} it may come back by this gesture; else only a new context will */
  unblock() {
    // Never resume() while interrupted: the state would become running with time standing still (platform facts, iOS).
    if (/** @type {string} */ (this.#context.state) !== 'suspended') return false;
    this.#startedMs = pageNowMs();
    this.#contextMovedMs = this.#startedMs;
    void this.#context.resume().catch(() => {});
    return true;
  }

  /** @param {number} gain */
  setGain(gain) {
    const now = this.#context.currentTime;
    this.#gain.gain.cancelScheduledValues(now);
    this.#gain.gain.setValueAtTime(this.#gain.gain.value, now);
    // Linear, because it arrives: at full volume samples are exact again.
    this.#gain.gain.linearRampToValueAtTime(gain, now + RAMP_S);
  }

  /** @param {number} firstChannel */
  setPair(firstChannel) {
    this.#tellWorker({ type: 'set_pair', first_channel: firstChannel });
  }

  /** @param {import('./core/playout/controls.js').ModeName} mode @param {number | null} fixedMs */
  setMode(mode, fixedMs) {
    this.#wishes = { ...this.#wishes, mode, fixedMs };
    if (this.#memory && this.#controls) writeMode(this.#controls, mode, fixedMs);
    else this.#tellWorklet({ type: 'mode', mode, fixed_ms: fixedMs });
  }

  /** @returns {Promise<string | null>} the last minutes of arrivals as CSV; null where there are none */
  trace() {
    this.#tellWorker({ type: 'trace' });
    return new Promise((give) => this.#traceWanted.push(give));
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const give of this.#traceWanted.splice(0)) give(null);
    clearInterval(this.#lookTimer);
    document.removeEventListener('visibilitychange', this.#returned);
    this.#context.onstatechange = null;
    this.#worker.onmessage = this.#worker.onerror = null;
    this.#tellWorker({ type: 'close' });
    this.setGain(0);
    setTimeout(() => {
      this.#worker.terminate();
      this.#tellWorklet({ type: 'stop' });
      this.#node?.disconnect();
      void this.#context.close().catch(() => {});
    }, CLOSE_AFTER_MS);
  }

  /** @returns {Omit<import('./core/page/report.js').Known, 'mode'> & {peaks: ArrayLike<number>}} */
  known() {
    const nowMs = pageNowMs();
    const context = this.#context;
    const heardContextMs = this.#clock.heardContextMs(nowMs);
    return {
      nowMs,
      phase: this.#phase(nowMs),
      transport: this.#memory ? 'sab' : 'port',
      contextRateHz: context.sampleRate,
      latencyHint: this.#wishes.latencyHint,
      baseLatencyMs: milliseconds(context.baseLatency),
      outputLatencyMs: outputLatencyMs(context),
      playbackStats: playbackStats(context),
      playout: this.#playout,
      worker: this.#status,
      heardContextMs,
      outputClock: this.#clock.method,
      whatIf: this.#whatIf,
      ledger: this.#wishes.ledger,
      startToSoundMs: this.#startToSoundMs,
      peaks: this.#peaks,
    };
  }

  /** @param {number} nowMs */
  #phase(nowMs) {
    const refused = this.#wishRefused;
    return phase({
      started: true,
      failure: null,
      started_ago_ms: nowMs - this.#startedMs,
      context_state: this.#context.state,
      context_still_ms: nowMs - this.#contextMovedMs,
      worker: this.#status,
      playout_state: this.#playout?.state ?? PLAYOUT.EMPTY,
      silent_ms: nowMs - this.#soundedMs,
      wish_refused: refused && nowMs - refused.atMs < REFUSAL_SHOWN_MS ? refused.words : null,
    });
  }

  /** @returns {Worker} */
  #startWorker() {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'synthwire socket' });
    worker.onmessage = ({ data }) => this.#workerSaid(data);
    worker.onerror = (event) => this.#fail(`worker: ${event.message || 'it did not load'}`);
    const port = this.#memory ? null : this.#channel.port1;
    /** @type {import('./core/net/messages.js').Open<MessagePort>} */
    const order = {
      type: 'open', url: this.#wishes.socketUrl, memory: this.#memory, port, context_rate_hz: this.#context.sampleRate,
      remembered: this.#wishes.remembered, glitches: this.#wishes.ledger.counts(),
    };
    worker.postMessage(order, port ? [port] : []);
    return worker;
  }

  async #startWorklet() {
    const context = this.#context;
    try {
      await context.audioWorklet.addModule(new URL('./worklet.js', import.meta.url).href);
      if (this.#closed) return;
      /** @type {import('./core/net/messages.js').ProcessorOptions} */
      const processorOptions = { memory: this.#memory };
      const node = new AudioWorkletNode(context, PROCESSOR_NAME, {
        numberOfInputs: 0, numberOfOutputs: 1, outputChannelCount: [2], processorOptions,
      });
      node.onprocessorerror = () => this.#fail('the audio thread broke');
      node.port.onmessage = ({ data }) => this.#workletSaid(data);
      node.connect(this.#gain);
      this.#node = node;
      if (this.#memory) return;
      node.port.postMessage({ type: 'port', port: this.#channel.port2 }, [this.#channel.port2]);
      this.setMode(this.#wishes.mode, this.#wishes.fixedMs);
    } catch (error) {
      this.#fail(`worklet: ${String(error)}`);
    }
  }

  /** @param {string} detail */
  #fail(detail) {
    if (!this.#closed) this.#told.failed({ problem: 'internal', detail });
  }

  /** @param {import('./core/net/messages.js').ToWorker<MessagePort>} order */
  #tellWorker(order) {
    this.#worker.postMessage(order);
  }

  /** @param {import('./core/net/messages.js').ToWorklet<MessagePort>} order */
  #tellWorklet(order) {
    this.#node?.port.postMessage(order);
  }

  /** @param {import('./core/net/messages.js').FromWorker} message */
  #workerSaid(message) {
    switch (message.type) {
      case 'status':
        this.#status = message.status;
        this.#glitches.worker(message.status, pageNowMs());
        break;
      case 'trace':
        for (const give of this.#traceWanted.splice(0)) give(message.csv);
        return;
      case 'refused':
        this.#wishRefused = { words: message.reason, atMs: pageNowMs() };
    }
    this.#announce();
  }

  /** @param {import('./core/net/messages.js').FromWorklet} message */
  #workletSaid(message) {
    this.#controls = message.words;
  }

  #contextChanged() {
    const stopped = this.#context.state !== 'running';
    // Once per sleep, and only if it took sound away: iOS passes from running through interrupted to suspended.
    if (stopped && this.#wasRunning && pageNowMs() - this.#soundedMs < SOUNDED_LATELY_MS) this.#glitches.suspended();
    this.#wasRunning = !stopped;
    this.#clock.reset();
    this.#contextMovedMs = pageNowMs();
    this.#announce();
  }

  /** The page is looked at again: what the system had put to sleep may go on. */
  #returned = () => {
    if (document.visibilityState === 'visible' && this.#context.state === 'suspended') void this.#context.resume().catch(() => {});
  };

  /** Ten times a second: clocks, counters, peaks. */
  #look() {
    const nowMs = pageNowMs();
    this.#sampleClocks(nowMs);
    if (!this.#memory) this.#tellWorklet({ type: 'poll' });
    if (this.#controls) this.#lookAtPlayout(this.#controls, nowMs);
    this.#looks += 1;
    if (this.#looks % SLOW_LOOKS === 0) this.#lookSlowly();
    this.#told.changed();
  }

  /** @param {Int32Array} controls @param {number} nowMs */
  #lookAtPlayout(controls, nowMs) {
    const playout = readPlayout(controls);
    if (!playout) return;
    takePeaks(controls, this.#peaks);
    this.#playout = playout;
    const isSounding = playout.state === PLAYOUT.SOUNDING;
    if (isSounding) this.#soundedMs = nowMs;
    this.#noteFirstSound(playout.first_sound_context_frame);
    this.#glitches.playout(playout, readEvents(controls, this.#glitches.events), (frame) => this.#heardMs(frame) ?? nowMs);
    this.#glitches.output(playbackStats(this.#context), playout.skips, isSounding, nowMs);
    this.#glitches.sleeps(nowMs);
  }

  /** Once a second. */
  #lookSlowly() {
    this.#whatIf = this.#controls && readWhatIf(this.#controls);
    const { mode } = this.#wishes;
    const report = buildReport({ ...this.known(), mode });
    this.#tellWorker({
      type: 'tell',
      report: {
        mode,
        delay_ms: report.delay_ms,
        level_ms: report.level_ms,
        target_ms: report.target_ms,
        arrival_tail_ms: report.jitter_ms,
        round_trip_ms: report.round_trip_ms,
        glitches: report.glitches,
      },
    });
  }

  /** @param {number} contextFrame low 32 bits @returns {number | null} page time at which it is heard */
  #heardMs(contextFrame) {
    const { currentTime, sampleRate } = this.#context;
    const now = Math.floor(currentTime * sampleRate);
    const unwrapped = now + ((contextFrame - now) | 0);
    return this.#clock.pageMsWhenHeard((unwrapped * 1000) / sampleRate);
  }

  /** @param {number} nowMs */
  #sampleClocks(nowMs) {
    const context = this.#context;
    const contextMs = context.currentTime * 1000;
    if (contextMs !== this.#contextMs) {
      this.#contextMs = contextMs;
      this.#contextMovedMs = nowMs;
    }
    if (context.state !== 'running') return;
    const latencyMs = playbackStats(context)?.average_latency_ms || outputLatencyMs(context);
    this.#clock.observe({ now_ms: nowMs, context_ms: contextMs, stamp: outputStamp(context), latency_ms: latencyMs });
  }

  /** @param {number | null} contextFrame */
  #noteFirstSound(contextFrame) {
    if (contextFrame === null || this.#startToSoundMs !== null) return;
    const heardMs = this.#heardMs(contextFrame);
    if (heardMs !== null) this.#startToSoundMs = heardMs - this.#startedMs;
  }

  /** Says so at once when the state is another. */
  #announce() {
    const { state, problem } = this.#phase(pageNowMs());
    const shown = `${state} ${problem}`;
    if (shown === this.#shownState) return;
    this.#shownState = shown;
    this.#told.changed();
  }
}

/** @param {number | undefined} seconds @returns {number | null} null where the engine does not say; 0 is not an answer */
function milliseconds(seconds) {
  return seconds ? seconds * 1000 : null;
}

/** @param {AudioContext} context @returns {number | null} as the engine says; null where it may not be asked */
function outputLatencyMs(context) {
  return mayAskForOutput(navigator.userAgent) ? milliseconds(context.outputLatency) : null;
}

/** @param {AudioContext} context @returns {import('./core/clock/output_clock.js').OutputReading['stamp']} null where there is none, or none may be asked for */
function outputStamp(context) {
  if (!mayAskForOutput(navigator.userAgent)) return null;
  const { contextTime, performanceTime } = context.getOutputTimestamp();
  return contextTime && performanceTime ? { context_ms: contextTime * 1000, at_ms: performance.timeOrigin + performanceTime } : null;
}

/** @param {AudioContext} context @returns {import('./core/page/report.js').PlaybackStats | null} */
function playbackStats({ playbackStats: stats }) {
  return stats ? {
    average_latency_ms: stats.averageLatency * 1000,
    minimum_latency_ms: stats.minimumLatency * 1000,
    maximum_latency_ms: stats.maximumLatency * 1000,
    underruns: stats.underrunEvents,
    underrun_ms: stats.underrunDuration * 1000,
  } : null;
}
